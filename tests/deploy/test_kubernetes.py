"""The manifests: what must hold of every pod, and that what names another finds it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.reading import DEPLOY, KUBERNETES, POOLS, pod_specs, read_manifests, read_pool, read_variables

MANIFESTS = read_manifests()
PODS = dict(pod_specs())
SETTINGS = read_variables(KUBERNETES / "settings.env")
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
each_pod = pytest.mark.parametrize("name", PODS)


def of_kind(kind: str) -> dict[str, Any]:
    """The manifests of one kind by name."""
    return {found["metadata"]["name"]: found for found in MANIFESTS if found["kind"] == kind}


def references(node: Any, name: str) -> Iterator[Any]:
    """Every value below `node` that stands under this name."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield value
            yield from references(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from references(value, name)


def test_every_manifest_is_applied() -> None:
    """kustomization.yaml names every manifest of the folder."""
    assert set(KUSTOMIZATION["resources"]) == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}


@each_pod
def test_pod_may_do_little(name: str) -> None:
    """A pod runs as our user, cannot write its image or gain a right, and has its memory bounded."""
    pod = PODS[name]
    security = pod["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security["fsGroupChangePolicy"] == "OnRootMismatch"
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys() & container["resources"]["requests"].keys()
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@each_pod
def test_pod_knows_no_more_than_it_needs(name: str) -> None:
    """The workers alone can ask Kubernetes for something, and no pod gets the addresses of all services."""
    pod = PODS[name]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is name.startswith("worker")
    assert (pod.get("serviceAccountName") == "worker") is name.startswith("worker")


def test_deployments_say_how_they_are() -> None:
    """Every deployment is probed for being ready; none has its image's name but from settings.env."""
    images = {"spec.template.spec.containers.0.image"}
    filled = {
        target["select"]["name"]
        for replacement in KUSTOMIZATION["replacements"]
        for target in replacement["targets"]
        if set(target["fieldPaths"]) == images and replacement["source"]["fieldPath"].removeprefix("data.") in SETTINGS
    }
    running = of_kind("Deployment") | of_kind("Job")
    assert filled == set(running)
    for found in of_kind("Deployment").values():
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert "readinessProbe" in container
        assert container["image"] == "set-by-kustomization"
        assert (
            found["spec"]["selector"]["matchLabels"].items() <= found["spec"]["template"]["metadata"]["labels"].items()
        )


def test_services_find_their_pods() -> None:
    """A service leads to a port that the pods of its name open, and a probe asks one that its container opens."""
    for name, service in of_kind("Service").items():
        template = of_kind("Deployment")[name]["spec"]["template"]
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        opened = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= opened
    for pod in PODS.values():
        for container in pod["containers"]:
            asked = {get["port"] for get in references(container, "httpGet")}
            assert asked <= {port["name"] for port in container.get("ports", ())}


def test_secrets_stand_nowhere() -> None:
    """No manifest is a secret or holds one: each is named, and README.md says which keys it has."""
    assert not of_kind("Secret")
    readme = (DEPLOY / "README.md").read_text()
    known = {line.split("`")[1]: line for line in readme.splitlines() if re.match(r" *\| `[\w-]+` \| `", line)}
    nodes = [MANIFESTS, [read_pool(path) for path in POOLS]]
    named = {
        *(one["name"] for one in references(nodes, "secretRef")),
        *(one["name"] for one in references(nodes, "secretKeyRef")),
        *(one["secretName"] for one in references(nodes, "secret")),
    }
    assert named == {"store", "prefect", "mlflow", "console-tls"}
    assert all(name in known for name in named)
    assert all(f"`{one['key']}`" in known[one["name"]] for one in references(nodes, "secretKeyRef"))
    secret = re.compile("PASSWORD|_SECRET|SALT|AUTH_STRING|ACCESS_KEY|TOKEN|STORE_URI")
    assert not any(secret.search(name) for name in SETTINGS)
    written = [one for one in references([*PODS.values()], "env") if isinstance(one, list)]
    literal = {
        one["name"] for variables in written for one in variables if "value" in one and secret.search(one["name"])
    }
    # These two name a secret and its key.
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET"
    assert literal == {f"{prefix}_NAME", f"{prefix}_KEY"}


def test_what_pods_name_is_there() -> None:
    """Claims, settings and their keys, and the service account that pods name exist."""
    nodes = [*PODS.values()]
    assert {one["claimName"] for one in references(nodes, "persistentVolumeClaim")} == set(
        of_kind("PersistentVolumeClaim")
    )
    maps = {one["name"] for one in references(nodes, "configMapRef")} | {
        one["name"] for one in references(nodes, "configMapKeyRef")
    }
    assert maps == {generator["name"] for generator in KUSTOMIZATION["configMapGenerator"]}
    assert {one["key"] for one in references(nodes, "configMapKeyRef")} <= set(SETTINGS)
    assert set(of_kind("ServiceAccount")) == {"worker"}


def test_worker_may_start_jobs_and_no_more() -> None:
    """The workers' role lies in the namespace, names what it allows, and writes nothing but jobs."""
    assert not of_kind("ClusterRole")
    (role,) = of_kind("Role").values()
    for rule in role["rules"]:
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert rule["resources"] == ["jobs"] or set(rule["verbs"]) <= {"get", "list", "watch"}


def test_network_is_closed_but_for_what_is_named() -> None:
    """Nothing comes in by default, and each exception is about pods that there are."""
    policies = of_kind("NetworkPolicy")
    assert policies["nothing-comes-in"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    names = {
        found["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for found in of_kind("Deployment").values()
    }
    for policy in policies.values():
        for choice in references(policy["spec"]["podSelector"], "values"):
            assert set(choice) <= names
        for labels in references(policy["spec"]["podSelector"], "matchLabels"):
            assert set(labels.values()) <= names
