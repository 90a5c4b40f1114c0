"""A mistake in a value that is secret is told without the value: in the message, the quoted line and JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.cli import main
from sglaunch.config.profile import Profile

# Written as a profile's key; every one is wrong for some keys, and no text of the answer may hold it.
SECRET = "hf_Zq8Zq8Zq8Zq8Zq8"
FORMS = ('"{{ env.MY_TOKEN }}"', '["{{ env.MY_TOKEN }}"]', SECRET, f"[{SECRET}]")


@pytest.mark.parametrize("key", sorted(set(Profile.model_fields) - {"image"}))
def test_no_error_of_a_key_quotes_a_secret(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", SECRET)
    for form in FORMS:
        (tmp_path / "sglaunch.yaml").write_text(f"profiles:\n  a:\n    image: x\n    {key}: {form}\n", encoding="utf-8")
        for more in ([], ["--json"]):
            assert main(["-C", str(tmp_path), "validate", *more]) in (0, 2)
            said = capsys.readouterr()
            assert SECRET not in said.out + said.err, (form, said)


def test_a_password_in_a_url_is_refused_in_a_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for build in ('{context: "https://u:pw12345@h/r.git"}', '{args: {INDEX: "https://u:pw12345@h/simple"}}'):
        text = f"profiles:\n  a:\n    build: {build}\n"
        (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
        assert main(["-C", str(tmp_path), "validate"]) == 2
        said = capsys.readouterr().err
        assert "pw12345" not in said, said


@pytest.mark.parametrize("name", ["env", "vars"])
def test_a_number_is_no_name_of_a_variable(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f'profiles:\n  a:\n    image: x\n    hostname: "{{{{ {name}[1] }}}}"\n'
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate"]) == 2
    assert "sglaunch.yaml:4:15: hostname: " in capsys.readouterr().err
