"""The words that volumes and devices are written with: Compose's, for whoever reads or writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

VOLUME_TYPES = ("bind", "volume", "tmpfs")
PROPAGATIONS = ("shared", "slave", "private", "rshared", "rslave", "rprivate")
# A mode of the short form, `source:target:modes` -> the field of the mount that it sets, and to what.
MODES: Mapping[str, tuple[str, str | bool]] = {
    "ro": ("read_only", True),
    "rw": ("read_only", False),
    "z": ("selinux", "z"),
    "Z": ("selinux", "Z"),
    "nocopy": ("nocopy", True),
    **{word: ("propagation", word) for word in PROPAGATIONS},
}
# Taken, and without effect on Linux: they are for the shared folders of Docker Desktop.
IGNORED_MODES = ("cached", "delegated", "consistent")
# Of the long form: a key for each type, and the keys beneath it.
BY_TYPE = {"bind": ("create_host_path", "propagation", "selinux"), "volume": ("nocopy",), "tmpfs": ("size", "mode")}
# The colon between the parts of the short form; one within `${...}` is none.
COLON = re.compile(r":(?![^{}]*\})")
# A volume of the engine; a source that is not one is a path.
VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# A device by name, vendor/class=name: the Container Device Interface.
CDI_NAME = re.compile(r"[A-Za-z0-9.-]+/[\w.-]+=[\w.:-]+")
