"""The compose plugin of this machine, for tests that compare with it. Elsewhere they are skipped with the reason."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping

from docker_engine import ENVIRONMENT


@functools.lru_cache(maxsize=1)
def compose_problem() -> str:
    """Why there is no `docker compose`, "" where there is."""
    if shutil.which("docker", path=ENVIRONMENT.get("PATH")) is None:
        return "the docker program is not here"
    done = subprocess.run(
        ["docker", "compose", "version"], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    return "" if done.returncode == 0 and "ompose" in done.stdout else "docker has no compose plugin here"


def compose(
    *words: str, env: Mapping[str, str] | None = None, cwd: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """`docker compose`, with no more of this shell's environment than leads to the engine."""
    kept = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")
    environment = {**{name: ENVIRONMENT[name] for name in kept if name in ENVIRONMENT}, **(env or {})}
    done = subprocess.run(
        ["docker", "compose", *words], capture_output=True, text=True, env=environment, cwd=cwd, timeout=60, check=False
    )
    if check and done.returncode:
        raise RuntimeError(f"docker compose {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return done
