"""`sglaunch gpus`: who holds which GPU of this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sglaunch.commands.asking import columns, show, show_json
from sglaunch.engine.observe import observe
from sglaunch.errors import EngineError, Failure, SglaunchError
from sglaunch.plan.gpus import reserved, shared
from sglaunch.project import Common, connect, identity_of
from sglaunch.report.gpus import gpus_data, gpus_table
from sglaunch.report.problems import SCHEMA_VERSION

WATCH_SECONDS = 2.0


def run(common: Common, *, watch: bool = False) -> int:
    """Lists every device; with `watch` again and again until Ctrl-C."""
    engine = connect(common, _configured(common))
    while True:
        seen = observe(engine, None, devices=True)
        if seen.gpus is None:
            hint = "install the driver, or run this on the machine that has the GPUs"
            raise EngineError(Failure("no-nvml", seen.gpu_problem, hint))
        names = {container.id: container.name for container in seen.containers}
        rows = gpus_data(seen.gpus, reserved(seen, None), shared(seen, None), names)
        if common.json:
            show_json({"schema_version": SCHEMA_VERSION, "gpus": rows})
        else:
            show(gpus_table(rows, columns()))
        if not watch:
            return 0
        time.sleep(WATCH_SECONDS)
        show([""])


def _configured(common: Common) -> Mapping[str, str]:
    """The engine that a project's files name, where there is a project."""
    try:
        return identity_of(common).engine
    except SglaunchError:
        return {}
