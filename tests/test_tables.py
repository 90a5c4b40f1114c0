"""The tables agree with each other and with what they speak to: a field that is in one and missing in another would be
lost without a word."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import get_args

import pytest
from python_on_whales import DockerClient

from sglaunch.config.entries import MountEntry
from sglaunch.config.profile import NOT_CARRIED, Profile
from sglaunch.plain import names_of
from sglaunch.plan.options import OPTIONS
from sglaunch.spec.container import ContainerSpec, Settings
from sglaunch.spec.mounts import MODES, PROPAGATIONS

CREATE = set(inspect.signature(DockerClient().container.create).parameters)
UPDATE = set(inspect.signature(DockerClient().container.update).parameters)

# Compose's words for a service that sglaunch takes, with Compose's values.
_TAKEN = """
container_name image build command entrypoint environment env_file volumes tmpfs ports network_mode networks extra_hosts
dns dns_search dns_opt ipc pid uts userns_mode cgroup shm_size gpus devices device_cgroup_rules privileged cap_add
cap_drop security_opt group_add ulimits sysctls user working_dir hostname labels annotations tty stdin_open init restart
stop_signal stop_grace_period healthcheck mem_limit mem_reservation memswap_limit cpus cpu_shares cpu_quota cpu_period
cpuset pids_limit volumes_from read_only runtime platform pull_policy logging depends_on
"""
# Other words of the Compose specification for a service.
_OTHERS = """
blkio_config cgroup_parent configs credential_spec deploy develop domainname expose external_links isolation links
mac_address mem_swappiness oom_kill_disable oom_score_adj post_start pre_stop profiles scale secrets storage_opt
"""
_OWN = """
auto_remove secret_env accelerator caches hub server shell attach recreate gpu_update protect nodes replicas kubernetes
"""
COMPOSE, OTHERS, OWN = _TAKEN.split(), _OTHERS.split(), _OWN.split()
# Keys of a profile that become a field of another name, or expand to several.
EXPANDED = {"env_file", "secret_env", "accelerator", "caches", "hub", "logging", "build"}


def test_every_field_of_the_spec_has_exactly_one_row() -> None:
    assert Counter(option.field for option in OPTIONS) == Counter(names_of(ContainerSpec))


def test_the_words_of_a_mount_are_those_of_its_entry() -> None:
    words = get_args(MountEntry.model_fields["propagation"].annotation)
    assert words == ("", *PROPAGATIONS)
    assert {field for field, _ in MODES.values()} <= set(MountEntry.model_fields)


def test_no_two_rows_fill_the_same_argument() -> None:
    used = Counter(option.argument for option in OPTIONS if option.argument)
    assert [argument for argument, count in used.items() if count > 1] == []


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.argument], ids=lambda option: option.field)
def test_the_argument_of_a_row_is_one_of_the_create_call(option: object) -> None:
    assert option.argument in CREATE


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.live], ids=lambda option: option.field)
def test_the_argument_of_a_live_row_is_one_of_the_update_call(option: object) -> None:
    assert option.live.argument in UPDATE


@pytest.mark.parametrize("key", [*COMPOSE, *OTHERS])
def test_every_word_of_compose_is_taken_or_refused_with_what_to_do(key: str) -> None:
    assert (key in Profile.model_fields) != (key in NOT_CARRIED), "taken, or refused: not both, not neither"
    assert key in Profile.model_fields or NOT_CARRIED[key]


def test_a_profile_has_no_word_that_is_neither_composes_nor_our_own() -> None:
    assert set(Profile.model_fields) <= {*COMPOSE, *OWN}
    assert set(OWN) <= set(Profile.model_fields)


@pytest.mark.parametrize("key", Profile.model_fields)
def test_every_key_of_a_profile_ends_in_the_spec_or_in_the_settings(key: str) -> None:
    known = {*names_of(ContainerSpec), *names_of(Settings)}
    assert key in known or key in EXPANDED


def test_what_only_the_launcher_does_is_no_option_of_the_container() -> None:
    assert not set(names_of(Settings)) & {option.field for option in OPTIONS}


@pytest.mark.parametrize("name", [name for name, field in Profile.model_fields.items()])
def test_every_key_of_a_profile_is_described(name: str) -> None:
    assert Profile.model_fields[name].description
