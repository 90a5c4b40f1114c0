"""The README is true: its tour runs on a real engine and prints what it says, its reference lists every key.

`SGLAUNCH_TEST_UPDATE=1` writes both anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sglaunch.config.profile import Profile
from sglaunch.dispatch import COMMANDS
from sglaunch.plan.options import effect_of

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
UPDATE = os.environ.get("SGLAUNCH_TEST_UPDATE") == "1"
BEGIN = "<!-- profile reference: written by the test of this file -->\n"
END = "<!-- end of profile reference -->"
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def reference() -> str:
    rows = [f"| `{key}` | {field.description} | {effect_of(key)} |" for key, field in Profile.model_fields.items()]
    rows.insert(0, "| `extends` | the profile beneath; `null` for none | - |")
    return "\n".join(["| key | what | a change takes |", "|---|---|---|", *rows]) + "\n"


def test_the_profile_reference_lists_every_key() -> None:
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    if UPDATE:
        README.write_text(f"{before}{BEGIN}{reference()}{END}{after}", encoding="utf-8")
        return
    assert written == reference(), "run SGLAUNCH_TEST_UPDATE=1 pytest tests/test_readme.py"


def test_the_table_of_commands_lists_every_command() -> None:
    text = README.read_text(encoding="utf-8").partition("## Commands")[2].partition("## ")[0]
    listed = {
        name for names in re.findall(r"^\| `sglaunch ([a-z|\\]+)", text, re.MULTILINE) for name in names.split("\\|")
    }
    assert listed == set(COMMANDS) - {"--version"}


@pytest.mark.docker
def test_the_tour_prints_what_the_readme_says(tmp_path: Path, cleanup: str, docker_image: str) -> None:
    """The reader's machine has a user ana, SGLang's image and a GPU; this one is translated into that one."""
    folder = tmp_path / "eval"
    folder.mkdir()
    personal = Path(os.environ["XDG_CONFIG_HOME"]) / "sglaunch" / "config.yaml"
    personal.parent.mkdir(parents=True)
    # What a machine without a GPU, and perhaps inside a container itself, cannot give; and an image of its own.
    personal.write_text(f"defaults: {{image: '{docker_image}', ulimits: null, shell: sh}}\n", encoding="utf-8")
    user = pwd.getpwuid(os.getuid()).pw_name
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def here(text: str) -> str:
        return text.replace("project: eval", f"project: {cleanup}")

    def there(output: str) -> str:
        lines = [line for line in output.splitlines(keepends=True) if "shows no NVIDIA GPU" not in line]
        names = {
            os.environ["HOME"]: "/home/ana",
            f"{user}-{cleanup}": "ana-eval",
            docker_image: "lmsysorg/sglang:dev",
            str(folder): "/home/ana/eval",
            f"name: {cleanup}": "name: eval",
        }
        text = "".join(lines)
        for name, shown in names.items():
            text = text.replace(name, shown)
        return re.sub(r"\b\d+s$", "3s", text, flags=re.MULTILINE)

    def run(block: re.Match[str]) -> str:
        kind, text = block[1], block[2]
        if kind == "yaml" and not text.startswith("# sglaunch.yaml"):
            return block[0]
        if kind == "yaml":
            (folder / "sglaunch.yaml").write_text(here(text), encoding="utf-8")
            return block[0]
        lines, status = [], "0"
        for line in text.splitlines():
            if not line.startswith("$ "):
                continue
            command = line[2:].replace("$?", status) if line == "$ echo $?" else line[2:]
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            status = str(done.returncode)
            lines += [f"{line}\n", there(done.stdout)]
        return f"```console\n{''.join(lines)}```"

    text = README.read_text(encoding="utf-8")
    printed = BLOCK.sub(run, text)
    if UPDATE:
        README.write_text(printed, encoding="utf-8")
        return
    assert squeezed(printed) == squeezed(text)


def squeezed(text: str) -> list[str]:
    """Names differ in length between the two machines, and with them the width of columns."""
    return [" ".join(line.split()) for line in text.splitlines()]
