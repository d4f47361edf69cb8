"""Makes deploy/kubernetes/rollcall.yaml, for those who have no kustomize: the overlay `many`.

`python -m tests.deploy.render` writes it; a test of `make test-deploy` fails if it is out of date.
"""

from typing import Final

from tests.deploy.repository import ROOT
from tests.deploy.tools import kustomize

OVERLAYS: Final = ROOT / "deploy/kubernetes/overlays"
RENDERED: Final = ROOT / "deploy/kubernetes/rollcall.yaml"
_HEAD: Final = "# Made of overlays/many by `python -m tests.deploy.render`: kubectl apply -f rollcall.yaml\n"


def overlays() -> list[str]:
    return sorted(path.name for path in OVERLAYS.iterdir())


def rendered(overlay: str) -> str:
    """Returns the manifests of an overlay as YAML. Skips the test without kustomize."""
    return kustomize(f"deploy/kubernetes/overlays/{overlay}")


if __name__ == "__main__":
    RENDERED.write_text(_HEAD + rendered("many"), "utf-8")
