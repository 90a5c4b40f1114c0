"""A real registry on this machine (Debian: docker-registry), open or with a login."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

START_SECONDS = 15.0
# bcrypt of the one password that tests use, as `htpasswd -B` makes it: modern Pythons have no crypt.
ROSEBUD = "$2y$05$NZQumzkVAz/x8m4tGQQTT.le3T342q0VU3pQIUJ.LRRHZnRTNShpS"


class RegistryServer:
    """`users`: name -> bcrypt of a password; without any it is open. It keeps its port and its images over a stop."""

    def __init__(self, folder: Path, users: Mapping[str, str] | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        lines = ["version: 0.1", "log: {level: error}", f"storage: {{filesystem: {{rootdirectory: {folder}/images}}}}"]
        lines.append(f"http: {{addr: '{self.host}'}}")
        if users:
            text = "".join(f"{name}:{word}\n" for name, word in users.items())
            (folder / "users").write_text(text, encoding="utf-8")
            lines.append(f"auth: {{htpasswd: {{realm: tests, path: {folder}/users}}}}")
        (folder / "config.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self) -> None:
        program = shutil.which("docker-registry")
        assert program is not None, "the caller looks whether there is one"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(self._folder / "config.yml")], stdout=log, stderr=log
            )
        address, _, port = self.host.rpartition(":")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((address, int(port)), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self._folder / "log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
