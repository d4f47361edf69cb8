"""What the manifests of a Kubernetes overlay say of the workers."""

from typing import Any, NamedTuple

from tests.deploy.tools import manifests


class Workers(NamedTuple):
    """The parts of an overlay that tests ask for."""

    documents: list[dict[str, Any]]

    def of_kind(self, kind: str) -> dict[str, Any]:
        """Returns the only manifest of this kind."""
        (found,) = [each for each in self.documents if each["kind"] == kind]
        return found

    @property
    def most(self) -> int:
        """How many workers there are at most."""
        scaled = [
            each["spec"]["maxReplicaCount"] for each in self.documents if each["kind"] == "ScaledObject"
        ]
        count: int = scaled[0] if scaled else self.of_kind("StatefulSet")["spec"]["replicas"]
        return count

    @property
    def pod(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.of_kind("StatefulSet")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> dict[str, Any]:
        (container,) = self.pod["containers"]
        found: dict[str, Any] = container
        return found

    def environment(self, pod: str) -> dict[str, str]:
        """Returns the environment that the manifests give to the worker in the pod of this name."""
        config = self.of_kind("ConfigMap")
        (source,) = self.container["envFrom"]
        assert source == {"configMapRef": {"name": config["metadata"]["name"]}}
        found: dict[str, str] = dict(config["data"])
        for variable in self.container.get("env", []):
            if "value" in variable:
                found[variable["name"]] = variable["value"]
            else:
                assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
                found[variable["name"]] = pod
        return found


def workers(text: str) -> Workers:
    return Workers(manifests(text))
