"""The manifests of deploy/kubernetes fit the worker and its settings. No cluster is needed: kustomize and the
schemas of Kubernetes look at all overlays, and other tests read the one that is there as a file."""

import json
import re
import subprocess
from typing import Any

import pytest

from app import __version__
from app.environment import load, variables
from tests.deploy.manifest import Workers, workers
from tests.deploy.render import RENDERED, overlays, rendered
from tests.deploy.repository import text_of
from tests.deploy.tools import NODE_MODULES, manifests, missing, must, run, tool

# The oldest that its project still supports, and the newest whose schemas there are.
KUBERNETES = ("1.34", "1.37")


@pytest.fixture
def file() -> Workers:
    return workers(RENDERED.read_text("utf-8"))


@pytest.mark.deploy
@pytest.mark.parametrize("overlay", overlays())
def test_kubernetes_takes_an_overlay(overlay: str) -> None:
    text = rendered(overlay)
    for version in KUBERNETES:
        must(tool("kubernetes-validate"), "--strict", "--quiet", "-k", version, "-", stdin=text)


@pytest.mark.deploy
@pytest.mark.parametrize("overlay", overlays())
def test_an_overlay_sets_only_settings_that_a_worker_accepts(overlay: str) -> None:
    check_settings(workers(rendered(overlay)))


@pytest.mark.deploy
def test_with_mutual_tls_each_file_is_one_of_the_mounted_secret_and_the_port_is_open() -> None:
    found = workers(rendered("mtls"))
    settings = load(found.environment("rollcall-0"))
    assert settings.security_protocol == "SSL"
    (mount,), (volume,) = found.container["volumeMounts"], found.pod["volumes"]
    assert mount["name"] == volume["name"]
    assert "subPath" not in mount
    files = [settings.ssl_ca_file, settings.ssl_certificate_file, settings.ssl_key_file]
    # The keys of a secret that cert-manager writes.
    assert files == [f"{mount['mountPath']}/{key}" for key in ("ca.crt", "tls.crt", "tls.key")]
    # Only the owner, which is root, and the group may read them.
    assert volume["secret"]["defaultMode"] == 0o440
    assert found.pod["securityContext"]["fsGroup"] == found.pod["securityContext"]["runAsGroup"]


@pytest.mark.deploy
@pytest.mark.parametrize("overlay", overlays())
def test_the_network_policy_lets_a_worker_reach_its_brokers(overlay: str) -> None:
    found = workers(rendered(overlay))
    settings = load(found.environment("rollcall-0"))
    rules = found.of_kind("NetworkPolicy")["spec"]["egress"]
    (ports,) = [rule["ports"] for rule in rules if "to" not in rule]
    assert [port["port"] for port in ports] == [int(settings.broker_url.rpartition(":")[2])]


@pytest.mark.deploy
def test_keda_takes_its_object_and_no_misspelt_one() -> None:
    if not (NODE_MODULES / "@kubernetes-models/keda").is_dir():
        missing("npm's @kubernetes-models/keda")
    (scaled,) = [each for each in manifests(rendered("keda")) if each["kind"] == "ScaledObject"]
    assert _keda_says(scaled).returncode == 0
    del scaled["spec"]["scaleTargetRef"]["name"]
    refused = _keda_says(scaled)
    assert refused.returncode == 1
    assert "scaleTargetRef" in refused.stderr


def _keda_says(scaled: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    models = NODE_MODULES / "@kubernetes-models/keda/keda.sh/v1alpha1"
    script = f"""
        import {{ ScaledObject }} from "{models}/ScaledObject.js";
        import fs from "node:fs";
        new ScaledObject(JSON.parse(fs.readFileSync(0, "utf8"))).validate();
    """
    return run(tool("node"), "--input-type=module", "--eval", script, stdin=json.dumps(scaled))


@pytest.mark.deploy
def test_a_member_that_kubernetes_does_not_know_is_found() -> None:
    program = tool("kubernetes-validate")
    text = rendered("one").replace("enableServiceLinks", "enableServiceLinkz")
    with pytest.raises(AssertionError, match="enableServiceLinkz"):
        must(program, "--strict", "--quiet", "-k", KUBERNETES[0], "-", stdin=text)


@pytest.mark.deploy
def test_the_file_without_kustomize_is_the_overlay_many() -> None:
    def by_name(text: str) -> dict[tuple[str, str], object]:
        return {(each["kind"], each["metadata"]["name"]): each for each in manifests(text)}

    assert by_name(RENDERED.read_text("utf-8")) == by_name(rendered("many"))


def check_settings(found: Workers) -> None:
    one, two = (load(found.environment(f"rollcall-{number}")) for number in (0, 1))
    assert set(found.environment("rollcall-0")) <= {variable.name for variable in variables()}
    # A static member that is scaled in would keep its partitions.
    scaled = any(each["kind"] == "ScaledObject" for each in found.documents)
    ids = ("", "") if scaled else ("rollcall-0", "rollcall-1")
    assert (one.group_instance_id, two.group_instance_id) == ids
    assert one.partitions_vendor >= found.most
    assert one.partitions_events >= found.most
    assert found.pod["terminationGracePeriodSeconds"] > one.stop_deadline
    startup, liveness = found.container["startupProbe"], found.container["livenessProbe"]
    # A worker may wait for a broker, and its watchdog says where it hangs before anybody kills it.
    assert startup["periodSeconds"] * startup["failureThreshold"] > one.broker_wait
    assert liveness["periodSeconds"] * liveness["failureThreshold"] > one.watchdog_seconds


def test_the_settings_are_settings(file: Workers) -> None:
    check_settings(file)


def test_each_worker_has_an_id_of_its_own_which_its_successor_has_too(file: Workers) -> None:
    settings = load(file.environment("rollcall-0"))
    assert settings.group_instance_id == "rollcall-0"
    # A pod that is made again, on another node too, needs longer than the default of 10 s.
    assert settings.session_timeout >= 60


def test_a_mistyped_setting_is_found() -> None:
    text = RENDERED.read_text("utf-8").replace("SESSION_TIMEOUT:", "SESSION_TIMOUT:")
    with pytest.raises(Exception, match="SESSION_TIMEOUT"):
        check_settings(workers(text))


def test_a_worker_may_do_nothing_that_it_need_not(file: Workers) -> None:
    assert file.pod["securityContext"]["runAsNonRoot"] is True
    (user,) = re.findall(r"^USER (\d+):\d+$", text_of("deploy/Dockerfile"), re.MULTILINE)
    assert file.pod["securityContext"]["runAsUser"] == int(user)
    assert file.pod["automountServiceAccountToken"] is False
    assert file.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert file.of_kind("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_all_that_chooses_pods_chooses_the_workers_and_nothing_else(file: Workers) -> None:
    labels = file.of_kind("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    (spread,) = file.pod["topologySpreadConstraints"]
    assert labels
    assert [
        file.of_kind("StatefulSet")["spec"]["selector"]["matchLabels"],
        file.of_kind("Service")["spec"]["selector"],
        file.of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        file.of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
    ] == [labels] * 5


def test_all_ask_for_the_port_of_the_image(file: Workers) -> None:
    (port,) = re.findall(r"\bHTTP_PORT=(\d+)", text_of("deploy/Dockerfile"))
    assert file.container["ports"] == [{"name": "http", "containerPort": int(port)}]
    (service,) = file.of_kind("Service")["spec"]["ports"]
    (ingress,) = file.of_kind("NetworkPolicy")["spec"]["ingress"]
    assert [service["port"], ingress["ports"][0]["port"]] == [int(port)] * 2
    probes = [file.container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [probe["port"] for probe in probes] == ["http"] * 3
    # A paused vendor or an outage makes a worker not ready, and a restart cures neither.
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]


def test_the_image_is_this_version(file: Workers) -> None:
    image = f"rollcall:{__version__}"
    assert file.container["image"] == image
    assert re.findall(r"--image=(\S+)", text_of("docs/deploying.md")) == [image]


def test_one_worker_at_a_time_may_be_away(file: Workers) -> None:
    assert file.of_kind("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    memory = file.container["resources"]
    assert memory["requests"]["memory"] == memory["limits"]["memory"]
    assert "cpu" not in memory["limits"]
