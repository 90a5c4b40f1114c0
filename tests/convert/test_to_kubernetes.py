"""Profiles as manifests: every field of the spec is carried, told or refused, and the schemas of Kubernetes take it."""

from __future__ import annotations

from typing import Any

import kubernetes_schemas
import kubernetes_validate
import pytest
from builders import at, make_spec, make_wanted
from hypothesis import given, settings
from hypothesis import strategies as st

from sglaunch.config.document import dump_for_others
from sglaunch.convert.merge_patch import patched
from sglaunch.convert.pod import literal, quantity
from sglaunch.convert.pod_options import APART, REFUSED, ROWS
from sglaunch.convert.to_kubernetes import Manifests, to_kubernetes
from sglaunch.plain import names_of
from sglaunch.spec.accelerator import EXPANSIONS
from sglaunch.spec.build import Build
from sglaunch.spec.container import ContainerSpec, Readiness, Wanted
from sglaunch.spec.kubernetes import Kubernetes
from sglaunch.spec.server import Server
from sglaunch.spec.values import Device, Gpus, Healthcheck, Mount, NetworkAttachment, PortBinding, Secret, Ulimit

HERE = ("/home/ana", "/home/ana/eval")
PLAIN: dict[str, Any] = {
    "command": None,
    "server": Server("Qwen/Qwen3-8B"),
    "restart": "always",
    "readiness": Readiness(30000, timeout=600.0),
}


def wanted(**options: Any) -> Wanted:
    """A server; every option given is written by somebody, unless `origins` says otherwise."""
    given_by = {name: at(number, column=3) for number, name in enumerate(options, 1)}
    return make_wanted("server", **{**PLAIN, "origins": given_by, **options})


def export(**options: Any) -> Manifests:
    """The manifests, which the schemas take wherever nothing is refused."""
    made = to_kubernetes([wanted(**options)], HERE)
    if not made.refusals:
        kubernetes_schemas.check(made.documents)
    return made


def pod(**options: Any) -> dict[str, Any]:
    """The pod's spec, its only container under `container`."""
    made = export(**options)
    assert made.refusals == ()
    spec = dict(template(made)["spec"])
    (spec["container"],) = spec.pop("containers")
    return spec


def template(made: Manifests) -> dict[str, Any]:
    spec = made.documents[0]["spec"]
    found: dict[str, Any] = spec.get("template") or spec["leaderWorkerTemplate"]["workerTemplate"]
    return found


def at_path(data: Any, path: str) -> Any:
    for key in path.split("/"):
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def test_a_server_is_a_deployment_and_a_service() -> None:
    deployment, service = export(gpus=Gpus(2)).documents
    labels = {"app.kubernetes.io/name": "ana-eval-server", "app.kubernetes.io/part-of": "eval"}
    assert deployment["apiVersion"] == "apps/v1"
    assert deployment["metadata"] == {"name": "ana-eval-server", "labels": labels}
    spec = deployment["spec"]
    assert (spec["replicas"], spec["strategy"], spec["progressDeadlineSeconds"]) == (1, {"type": "Recreate"}, 2400)
    assert spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()
    inner = spec["template"]["spec"]
    assert (inner["enableServiceLinks"], inner["automountServiceAccountToken"]) == (False, False)
    (container,) = inner["containers"]
    assert container["name"] == "sglang"
    assert container["args"][:3] == ["python3", "-m", "sglang.launch_server"]
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "2"}}
    assert container["startupProbe"] == {
        "httpGet": {"path": "/health", "port": 30000},
        "timeoutSeconds": 10,
        "periodSeconds": 10,
        "failureThreshold": 60,
    }
    assert container["readinessProbe"]["timeoutSeconds"] == 10
    assert container["livenessProbe"]["failureThreshold"] == 5
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": {"app.kubernetes.io/name": "ana-eval-server"},
        "ports": [{"name": "http", "port": 30000, "targetPort": 30000, "protocol": "TCP"}],
    }


def test_over_several_nodes_it_is_a_leader_worker_set() -> None:
    made = export(nodes=2, replicas=3, gpus=Gpus(8), server=Server("m", args={"tp": 16}))
    group, service = made.documents
    assert (group["apiVersion"], group["kind"]) == ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
    spec = group["spec"]
    assert (spec["replicas"], spec["startupPolicy"]) == (3, "LeaderCreated")
    assert (spec["leaderWorkerTemplate"]["size"], spec["leaderWorkerTemplate"]["restartPolicy"]) == (
        2,
        "RecreateGroupOnPodRestart",
    )
    (container,) = template(made)["spec"]["containers"]
    assert container["args"][-6:] == [
        "--nnodes",
        "$(LWS_GROUP_SIZE)",
        "--node-rank",
        "$(LWS_WORKER_INDEX)",
        "--dist-init-addr",
        "$(LWS_LEADER_ADDRESS):20000",
    ]
    assert service["metadata"]["name"] == "ana-eval-server-leader", "the set's own name is its headless Service's"
    assert service["spec"]["selector"] == {
        "leaderworkerset.sigs.k8s.io/name": "ana-eval-server",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
    }
    assert any("LeaderWorkerSet controller" in loss.message for loss in made.losses)


def test_the_schema_of_leader_worker_set_takes_it_and_not_a_typing_error() -> None:
    if problem := kubernetes_schemas.lws_problem():
        pytest.skip(problem)
    made = export(nodes=2, gpus=Gpus(1))
    kubernetes_schemas.check(made.documents)
    wrong = {**made.documents[0], "spec": {**made.documents[0]["spec"], "replicsa": 2}}
    with pytest.raises(Exception, match="replicsa"):
        kubernetes_schemas.check([wrong])


def test_the_schemas_of_kubernetes_take_no_typing_error() -> None:
    deployment = export().documents[0]
    wrong = {**deployment, "spec": {**deployment["spec"], "strategi": {}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="strategi"):
        kubernetes_schemas.check([wrong])


# Field of the spec, its value, where it stands in the pod, what stands there.
CARRIED: list[tuple[str, Any, str, Any]] = [
    ("image", "registry.example.com/a:1", "container/image", "registry.example.com/a:1"),
    ("entrypoint", ("run", "$(A)"), "container/command", ["run", "$$(A)"]),
    ("environment", {"A": "$(B) $$ $C", "N": None}, "container/env", [{"name": "A", "value": "$$(B) $$$ $C"}]),
    ("volumes", {"/d": Mount("volume", "models")}, "volumes/0/persistentVolumeClaim", {"claimName": "models"}),
    ("volumes", {"/d": Mount("volume")}, "volumes/0/emptyDir", {}),
    (
        "volumes",
        {"/d": Mount("bind", "/models", read_only=True, propagation="rslave")},
        "container/volumeMounts/0",
        {"name": "d", "mountPath": "/d", "readOnly": True, "mountPropagation": "HostToContainer"},
    ),
    (
        "volumes",
        {"/d": Mount("bind", "/models")},
        "volumes/0",
        {"name": "d", "hostPath": {"path": "/models", "type": "Directory"}},
    ),
    (
        "volumes",
        {"/d": Mount("bind", "/models", create_host_path=True)},
        "volumes/0/hostPath",
        {"path": "/models", "type": "DirectoryOrCreate"},
    ),
    ("tmpfs", {"/t": "size=64m,mode=1777"}, "volumes/0/emptyDir", {"medium": "Memory", "sizeLimit": "64Mi"}),
    ("tmpfs", {"/t": ""}, "volumes/0/emptyDir", {"medium": "Memory"}),
    (
        "shm_size",
        32 << 30,
        "volumes/0",
        {"name": "dev-shm", "emptyDir": {"medium": "Memory", "sizeLimit": "32Gi"}},
    ),
    (
        "ports",
        {"30000/tcp": (PortBinding("80"),), "9000/udp": (PortBinding("9000"),)},
        "container/ports",
        [
            {"name": "http", "containerPort": 30000, "protocol": "TCP"},
            {"name": "udp-9000", "containerPort": 9000, "protocol": "UDP"},
        ],
    ),
    ("network_mode", "host", "hostNetwork", True),
    ("network_mode", "host", "dnsPolicy", "ClusterFirstWithHostNet"),
    (
        "extra_hosts",
        {"a": ("10.0.0.1",), "b": ("10.0.0.1", "fd00::1")},
        "hostAliases",
        [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}, {"ip": "fd00::1", "hostnames": ["b"]}],
    ),
    ("dns", ("1.1.1.1",), "dnsConfig/nameservers", ["1.1.1.1"]),
    ("dns_search", ("a.b",), "dnsConfig/searches", ["a.b"]),
    ("dns_opt", ("ndots:2", "rotate"), "dnsConfig/options", [{"name": "ndots", "value": "2"}, {"name": "rotate"}]),
    ("ipc", "host", "hostIPC", True),
    ("pid", "host", "hostPID", True),
    ("init", True, "shareProcessNamespace", True),
    ("gpus", Gpus(4), "container/resources/limits", {"nvidia.com/gpu": "4"}),
    ("privileged", True, "container/securityContext/privileged", True),
    (
        "cap_add",
        ("CAP_SYS_PTRACE", "ipc_lock"),
        "container/securityContext/capabilities/add",
        ["SYS_PTRACE", "IPC_LOCK"],
    ),
    ("cap_drop", ("ALL",), "container/securityContext/capabilities/drop", ["ALL"]),
    ("security_opt", ("seccomp=unconfined",), "container/securityContext/seccompProfile", {"type": "Unconfined"}),
    ("security_opt", ("no-new-privileges:true",), "container/securityContext/allowPrivilegeEscalation", False),
    ("security_opt", ("apparmor=unconfined",), "container/securityContext/appArmorProfile", {"type": "Unconfined"}),
    (
        "security_opt",
        ("apparmor:mine",),
        "container/securityContext/appArmorProfile",
        {"type": "Localhost", "localhostProfile": "mine"},
    ),
    ("group_add", ("44", "109"), "securityContext/supplementalGroups", [44, 109]),
    ("user", "1000:100", "container/securityContext", {"runAsUser": 1000, "runAsGroup": 100}),
    ("user", "root", "container/securityContext/runAsUser", 0),
    ("ulimits", {"memlock": Ulimit(-1, -1)}, "container/securityContext/capabilities/add", ["IPC_LOCK"]),
    ("sysctls", {"net.a": "1"}, "securityContext/sysctls", [{"name": "net.a", "value": "1"}]),
    ("working_dir", "/w", "container/workingDir", "/w"),
    ("hostname", "box", "hostname", "box"),
    ("tty", True, "container/tty", True),
    ("stdin_open", True, "container/stdin", True),
    ("stop_grace_period", 59.5, "terminationGracePeriodSeconds", 60),
    (
        "healthcheck",
        Healthcheck("curl :80", interval=1.5, timeout=3.0, retries=2),
        "container/livenessProbe",
        {
            "exec": {"command": ["sh", "-c", "curl :80"]},
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 2,
        },
    ),
    ("read_only", True, "container/securityContext/readOnlyRootFilesystem", True),
    ("runtime", "nvidia", "runtimeClassName", "nvidia"),
    ("platform", "linux/arm64/v8", "nodeSelector", {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}),
    ("mem_limit", 64 << 30, "container/resources", {"limits": {"memory": "64Gi"}, "requests": {"memory": "64Gi"}}),
    ("mem_reservation", 1 << 20, "container/resources/requests", {"memory": "1Mi"}),
    ("cpus", 8.0, "container/resources/requests", {"cpu": "8"}),
    ("cpus", 1.5, "container/resources/requests", {"cpu": "1500m"}),
    ("pull_policy", "always", "container/imagePullPolicy", "Always"),
    ("pull_policy", "never", "container/imagePullPolicy", "Never"),
    ("pull_policy", "daily", "container/imagePullPolicy", "Always"),
]


@pytest.mark.parametrize(("field", "value", "path", "expected"), CARRIED)
def test_an_option_is_carried(field: str, value: Any, path: str, expected: Any) -> None:
    assert at_path(pod(**{field: value}), path) == expected


# Field of the spec, its value, the path of the refusal, what it says.
REFUSALS: list[tuple[str, Any, str, str]] = [
    ("container_name", "Alice_1", "container_name", "write container_name: alice-1"),
    ("container_name", "1st", "container_name", "write container_name: sgl-1st"),
    ("volumes", {"/d": Mount("bind", "/home/ana/models")}, "volumes./d", "on this machine, not on the node"),
    ("volumes", {"/d": Mount("bind", "/home/ana")}, "volumes./d", "on this machine, not on the node"),
    ("volumes", {"/d": Mount("volume", "My_Vol")}, "volumes./d", "no name of a claim"),
    ("volumes", {"/d": Mount("bind", "/m", selinux="z")}, "volumes./d", "not labelled anew"),
    ("volumes", {"/d": Mount("bind", "/m", propagation="shared")}, "volumes./d", "propagation shared"),
    ("volumes_from", ("a",), "volumes_from", "no volumes of another"),
    ("ports", {"30000/tcp": (PortBinding("30000", "127.0.0.1"),)}, "ports.30000/tcp", "address of this machine"),
    ("ports", {"30000/tcp": (PortBinding(),)}, "ports.30000/tcp", 'write "30000:30000"'),
    ("network_mode", "none", "network_mode", "own network or the node's"),
    ("network_mode", "container:x", "network_mode", "own network or the node's"),
    ("networks", {"n": NetworkAttachment()}, "networks", "a cluster has one network"),
    ("extra_hosts", {"a": ("host-gateway",)}, "extra_hosts.a", "knows no address of its node"),
    ("ipc", "container:x", "ipc", "own IPC namespace or the node's"),
    ("pid", "container:x", "pid", "own processes or the node's"),
    ("uts", "host", "uts", "network_mode: host brings the node's"),
    ("userns_mode", "keep-id", "userns_mode", "keep-id is not known"),
    ("cgroup", "host", "cgroup", "own cgroup namespace"),
    ("gpus", Gpus(-1), "gpus", "say how many: gpus: 1"),
    ("gpus", Gpus(ids=("0", "3")), "gpus", "say how many: gpus: 2"),
    ("devices", {"/dev/fuse": Device("/dev/fuse")}, "devices./dev/fuse", "device plug-in"),
    ("device_cgroup_rules", ("c 1:3 r",), "device_cgroup_rules", "device plug-in"),
    ("security_opt", ("label=disable",), "security_opt", "label=disable is not carried"),
    ("security_opt", ("seccomp=/p.json",), "security_opt", "seccomp=/p.json is not carried"),
    ("group_add", ("video",), "group_add", "numbers alone"),
    ("user", "ana", "user", "numbers alone"),
    ("ulimits", {"nofile": Ulimit(1, 2)}, "ulimits.nofile", "are the node's"),
    ("hostname", "a.b", "hostname", "no host name of a pod"),
    ("labels", {"a b": "x"}, "labels.a b", "no name of an annotation"),
    ("auto_remove", True, "auto_remove", "another takes its place"),
    ("stop_signal", "SIGINT", "stop_signal", "SIGTERM"),
    ("restart", "on-failure:3", "restart", "always restarted"),
    ("restart", "no", "restart", "always restarted"),
    ("runtime", "/usr/bin/x", "runtime", "RuntimeClass"),
    ("logging_driver", "local", "logging", "logs of pods"),
    ("memswap_limit", -1, "memswap_limit", "the node's"),
    ("cpu_shares", 512, "cpu_shares", "write cpus"),
    ("cpu_quota", 512, "cpu_quota", "write cpus"),
    ("cpu_period", 512, "cpu_period", "write cpus"),
    ("cpuset", "0", "cpuset", "write cpus"),
    ("pids_limit", 5, "pids_limit", "the kubelet's setting"),
    ("pull_policy", "build", "pull_policy", "builds no images"),
    ("build", Build("/p"), "build", "no node could pull it"),
    ("server", Server("m", host="127.0.0.1"), "server.host", "loopback"),
    ("server", Server("/home/ana/models/m"), "server.model", "on this machine, not on the node"),
]


@pytest.mark.parametrize(("field", "value", "path", "said"), REFUSALS)
def test_what_no_pod_can_have_is_refused_with_place_reason_and_alternative(
    field: str, value: Any, path: str, said: str
) -> None:
    options = {"server": Server("m"), field: value, "origins": {path: at(7), path.partition(".")[0]: at(7)}}
    (refusal,) = to_kubernetes([wanted(**options)], HERE).refusals
    assert (refusal.path, str(refusal.place)) == (path, "sglaunch.yaml:7:5")
    assert said in str(refusal)
    assert refusal.hint


def test_every_field_of_the_spec_is_carried_refused_or_elsewhere() -> None:
    names = set(names_of(ContainerSpec))
    assert set(ROWS) | set(REFUSED) | set(APART) == names
    assert len(ROWS) + len(REFUSED) + len(APART) == len(names)
    assert all(message and hint for message, hint in REFUSED.values())
    tried = {field for field, _, _, _ in (*CARRIED, *REFUSALS)}
    assert names - tried == {"command", "logging_options"}, "the server's, and beside its driver"


def test_refusals_are_told_all_at_once() -> None:
    made = export(network_mode="none", uts="host", cpuset="0", gpus=Gpus(-1))
    assert {refusal.path for refusal in made.refusals} == {"network_mode", "uts", "cpuset", "gpus"}


BUILT_IN = {name: at(3, "built-in") for name in ("gpus", "ulimits.stack", "restart")}


def test_what_only_the_built_in_layer_asks_gives_way() -> None:
    made = export(ulimits={"stack": Ulimit(1, 1)}, origins=BUILT_IN)
    assert made.refusals == ()
    assert any(loss.path == "ulimits.stack" and "left out" in loss.message for loss in made.losses)


@pytest.mark.parametrize(
    ("args", "nodes", "count"),
    [({}, 1, "1"), ({"tp": 4, "pp": 2}, 1, "8"), ({"tp": 2, "dp": 2}, 1, "4"), ({"tp": 16}, 2, "8")],
)
def test_all_gpus_of_the_built_in_layer_are_as_many_as_the_flags_need(args: Any, nodes: int, count: str) -> None:
    server = Server("m", args=args)
    found = pod(gpus=Gpus(-1), server=server, nodes=nodes, origins=BUILT_IN)
    assert found["container"]["resources"]["limits"] == {"nvidia.com/gpu": count}


def test_nodes_that_do_not_divide_them_are_refused() -> None:
    (refusal,) = export(gpus=Gpus(-1), nodes=2, origins={**BUILT_IN, "nodes": at(5)}).refusals
    assert (refusal.path, str(refusal.place)) == ("nodes", "sglaunch.yaml:5:5")


@pytest.mark.parametrize(
    ("accelerator", "resource"),
    [("rocm", "amd.com/gpu"), ("npu", "huawei.com/Ascend910"), ("xpu", "gpu.intel.com/i915")],
)
def test_other_accelerators_have_a_device_plug_in_of_their_own(accelerator: str, resource: str) -> None:
    """What the accelerator brings beside (devices, groups by name, host files) is the plug-in's or the node's."""
    brought = at(4)
    origins = {
        "accelerator": brought,
        "devices./dev/kfd": brought,
        "volumes./etc/x.info": brought,
    }
    found = pod(
        accelerator=accelerator,
        devices={"/dev/kfd": Device("/dev/kfd")},
        group_add=EXPANSIONS[accelerator].get("group_add", ()),
        volumes={"/etc/x.info": Mount("bind", "/etc/x.info")},
        server=Server("m", args={"tp": 8}),
        origins=origins,
    )
    assert found["container"]["resources"]["limits"] == {resource: "8"}
    assert found["volumes"] == [{"name": "etc-x-info", "hostPath": {"path": "/etc/x.info"}}], "it may be a file"


def test_the_cpu_needs_no_device() -> None:
    assert "resources" not in pod(accelerator="cpu")["container"]


def test_the_settings_of_the_cluster_are_followed() -> None:
    kubernetes = Kubernetes(
        context="prod",
        namespace="llm",
        node_selector={"gpu": "h100"},
        tolerations=({"key": "gpu", "operator": "Exists"},),
        image_pull_secrets=("pull",),
        service="NodePort",
        gpu_resource="nvidia.com/mig-3g.20gb",
        patch={
            "metadata": {"annotations": {"a": "b"}},
            "spec": {
                "priorityClassName": "high",
                "enableServiceLinks": None,
                "containers": [{"name": "sglang", "resources": {"limits": {"rdma/ib": "1"}}}],
            },
        },
    )
    made = export(gpus=Gpus(1), kubernetes=kubernetes, platform="linux/amd64")
    assert [one["metadata"]["namespace"] for one in made.documents] == ["llm", "llm"]
    assert made.documents[1]["spec"]["type"] == "NodePort"
    inner = template(made)["spec"]
    assert inner["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "gpu": "h100"}
    assert inner["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert inner["imagePullSecrets"] == [{"name": "pull"}]
    assert inner["containers"][0]["resources"]["limits"] == {"nvidia.com/mig-3g.20gb": "1", "rdma/ib": "1"}
    assert inner["priorityClassName"] == "high"
    assert "enableServiceLinks" not in inner
    assert template(made)["metadata"]["annotations"] == {"a": "b"}
    assert any("kubectl --context prod apply" in loss.hint for loss in made.losses)


def test_secrets_are_references_and_their_values_nowhere() -> None:
    made = export(
        environment={"HF_TOKEN": Secret("hf_0123"), "ABSENT": None, "KEY": Secret("sk-1")},
        secret_names=frozenset({"HF_TOKEN", "ABSENT", "KEY"}),
        secret_files={"HF_TOKEN": "/home/ana/my token"},
        server=Server("m", api_key="KEY"),
    )
    assert "hf_0123" not in str(made)
    assert "sk-1" not in str(made)
    (container,) = template(made)["spec"]["containers"]
    assert container["env"] == [
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "ana-eval-server", "key": "HF_TOKEN"}}},
        {
            "name": "ABSENT",
            "valueFrom": {"secretKeyRef": {"name": "ana-eval-server", "key": "ABSENT", "optional": True}},
        },
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "ana-eval-server", "key": "KEY"}}},
    ]
    assert {"name": "run-sglaunch", "secret": {"secretName": "ana-eval-server-api-key"}} in template(made)["spec"][
        "volumes"
    ]
    assert {"name": "run-sglaunch", "mountPath": "/run/sglaunch", "readOnly": True} in container["volumeMounts"]
    recipes = [loss.hint for loss in made.losses if "kubectl create secret" in loss.hint]
    assert "HF_TOKEN=\"$(cat '/home/ana/my token')\"" in recipes[0]
    assert "--from-file=server.yaml=/dev/stdin" in recipes[1]
    assert [remark.split()[2] for remark in made.remarks] == ["ana-eval-server", "ana-eval-server-api-key"]


@pytest.mark.parametrize(
    ("environment", "recipe"),
    [
        ({"F": Secret("1")}, "`cat /p/a.env | kubectl"),
        ({"F": Secret("1"), "T": Secret("2")}, "`{ cat /p/a.env; printf '%s\\n' T=\"$T\"; } | kubectl"),
        ({"T": Secret("2")}, "`printf '%s\\n' T=\"$T\" | kubectl -n llm create secret generic"),
    ],
)
def test_the_recipe_of_a_secret_reads_files_and_variables(environment: Any, recipe: str) -> None:
    made = export(
        environment=environment,
        env_files={"/p/a.env": True},
        kubernetes=Kubernetes(namespace="llm"),
        origins={"env_file": at(9), "environment.F": at(9), "environment.T": at(4)},
    )
    (hint,) = [loss.hint for loss in made.losses if "kubectl" in loss.hint]
    assert hint.startswith(recipe)


def test_a_cache_is_empty_in_each_pod_and_said_so() -> None:
    caches = {"/root/.cache/x": Mount("bind", "/home/ana/.cache/x", create_host_path=True)}
    made = export(volumes=caches, origins={"caches": at(4), "volumes./root/.cache/x": at(4)})
    assert template(made)["spec"]["volumes"] == [{"name": "root-cache-x", "emptyDir": {}}]
    assert any("is empty in each new pod" in loss.message for loss in made.losses)


def test_a_profile_without_a_server_is_refused() -> None:
    (refusal,) = to_kubernetes([make_wanted()], HERE).refusals
    assert "a pod has none of these" in refusal.message


def test_a_pushed_image_may_be_one_that_is_built_here() -> None:
    made = export(build=Build("/p"), image="registry.example.com/team/a:1")
    assert made.refusals == ()
    assert any("sglaunch push" in loss.hint for loss in made.losses)


def test_a_published_port_keeps_the_number_of_the_host() -> None:
    ports = {"30000/tcp": (PortBinding("80"), PortBinding("8080")), "9000/udp": (PortBinding("9001"),)}
    assert export(ports=ports).documents[1]["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 30000, "protocol": "TCP"},
        {"name": "http-1", "port": 8080, "targetPort": 30000, "protocol": "TCP"},
        {"name": "udp-9000", "port": 9001, "targetPort": 9000, "protocol": "UDP"},
    ]


def test_a_name_leaves_room_for_what_a_group_appends() -> None:
    long = "a" * 52
    assert export(container_name=long).refusals == ()
    (refusal,) = export(container_name=long, nodes=2, gpus=Gpus(1)).refusals
    assert f"write container_name: {'a' * 50}" in refusal.hint


def test_labels_are_annotations() -> None:
    made = export(labels={"team": "eval", "json": '{"a": 1}'})
    assert template(made)["metadata"]["annotations"] == {"team": "eval", "json": '{"a": 1}'}


def test_what_is_written_is_the_same_to_a_reader_of_yaml_1_1() -> None:
    made = export(environment={"A": "no", "B": "0x1f", "C": "1e3", "D": "y", "E": "12:30:45", "F": "", "G": "a\nb: c"})
    assert kubernetes_schemas.documents(dump_for_others(made.documents)) == list(made.documents)


# What YAML can hold: no control characters but those of lines, no halves of surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\t"), max_size=12)


@settings(deadline=None)
@given(
    TEXT
    | st.sampled_from(["no", "~", "=", "<<", "1_000", "0o7", "1:30", "2024-01-01", ".inf", "- a", "a #b", "a: b", "%a"])
)
def test_any_text_is_text_again_to_a_reader_of_yaml_1_1(text: str) -> None:
    document = {"key": text, "list": [text, {text or "a": 1}]}
    assert kubernetes_schemas.documents(dump_for_others([document, document])) == [document, document]


@settings(deadline=None)
@given(st.text(st.sampled_from("$()A "), max_size=12))
def test_kubernetes_expands_nothing_of_what_was_text(text: str) -> None:
    assert expanded(literal(text)) == text


def expanded(text: str) -> str:
    """What Kubernetes makes of an argument where no variable is known (third_party/forked/golang/expansion)."""
    out, at_ = "", 0
    while at_ < len(text):
        rest = text[at_ + 1 :]
        if text[at_] != "$" or not rest:
            out, at_ = out + text[at_], at_ + 1
        elif rest[0] == "$":
            out, at_ = out + "$", at_ + 2
        elif rest[0] == "(" and ")" in rest:
            out, at_ = f"{out}<expanded>", at_ + rest.index(")") + 2
        else:
            out, at_ = out + text[at_ : at_ + 2], at_ + 2
    return out


@pytest.mark.parametrize(
    ("size", "text"), [(32 << 30, "32Gi"), (1 << 20, "1Mi"), (1000, "1000"), (3 << 10, "3Ki"), (0, "0")]
)
def test_a_quantity_is_exact(size: int, text: str) -> None:
    assert quantity(size) == text


PATCHES: dict[str, tuple[Any, Any, Any]] = {
    "a key": ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "null removes": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "null in what is new": ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    "a list": ({"args": [1, 2]}, {"args": [3]}, {"args": [3]}),
    "an entry by name": (
        {"containers": [{"name": "a", "x": 1}, {"name": "b"}]},
        {"containers": [{"name": "a", "y": 2}, {"name": "c"}]},
        {"containers": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}, {"name": "c"}]},
    ),
    "a mount by path": (
        {"volumeMounts": [{"mountPath": "/a", "name": "v"}]},
        {"volumeMounts": [{"mountPath": "/a", "readOnly": True}]},
        {"volumeMounts": [{"mountPath": "/a", "name": "v", "readOnly": True}]},
    ),
    "entries without a name": ({"containers": [{"name": "a"}]}, {"containers": [{"x": 1}]}, {"containers": [{"x": 1}]}),
    "text for a mapping": ({"a": {"b": 1}}, {"a": "x"}, {"a": "x"}),
}


@pytest.mark.parametrize("case", PATCHES)
def test_a_patch_is_merged_as_kubectl_does(case: str) -> None:
    base, patch, expected = PATCHES[case]
    assert patched(base, patch) == expected


def test_the_world_of_these_tests_is_a_plain_server() -> None:
    assert export().losses == ()
    assert make_spec().server is None
