"""Single cards of AMD, Ascend and Intel in other formats."""

from __future__ import annotations

from builders import make_wanted

from sglaunch.convert.to_compose import to_compose
from sglaunch.convert.to_run import to_run
from sglaunch.plan.capabilities import Capabilities
from sglaunch.spec.values import Device, Gpus

KFD = {"/dev/kfd": Device("/dev/kfd")}


def test_cards_that_up_chooses_become_all_cards_and_that_is_said() -> None:
    wanted = make_wanted(accelerator="rocm", gpus=Gpus(count=2), devices=KFD)
    line = to_run(wanted, ["docker"], Capabilities(), "/private")
    assert "--gpus" not in line.text
    assert "--device /dev/kfd:/dev/kfd:rwm" in line.text
    assert "--device /dev/dri:/dev/dri:rwm" in line.text
    compose = to_compose("eval", [wanted])
    assert compose.document["services"]["dev"]["devices"] == ["/dev/kfd:/dev/kfd:rwm", "/dev/dri:/dev/dri:rwm"]
    assert "deploy" not in compose.document["services"]["dev"]
    for losses in (line.losses, compose.losses):
        assert ["gives it all of them" in loss.message for loss in losses if loss.path == "gpus"] == [True]


def test_ascend_devices_by_number_are_the_nodes_of_these_numbers() -> None:
    wanted = make_wanted(accelerator="npu", gpus=Gpus(ids=("1", "3")))
    compose = to_compose("eval", [wanted])
    nodes = [f"/dev/davinci{n}" for n in (1, 3)]
    assert compose.document["services"]["dev"]["devices"] == [f"{node}:{node}:rwm" for node in nodes]
    assert not [loss for loss in compose.losses if loss.path == "gpus"]
