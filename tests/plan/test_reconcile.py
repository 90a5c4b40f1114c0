"""The decision of `up`: each case of reconcile_cases.py gives the plan that cases/reconcile.txt holds, to the letter.

`SGLAUNCH_TEST_UPDATE=1` writes the plans anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from builders import project
from reconcile_cases import CASES, Case

from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.steps import Plan

PLANS = Path(__file__).resolve().parent.parent / "cases" / "reconcile.txt"
UPDATE = os.environ.get("SGLAUNCH_TEST_UPDATE") == "1"


def planned(case: Case) -> Plan:
    return plan_up(case.profiles, case.seen, project(), case.choices)


def written() -> dict[str, str]:
    """Name -> plan, from `== name` and the lines under it."""
    pieces = re.split(r"^== (.*)\n", PLANS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.rstrip("\n") for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def test_every_case_has_a_plan_and_every_plan_a_case() -> None:
    if UPDATE:
        PLANS.write_text("\n".join(f"== {name}\n{planned(case)}\n" for name, case in CASES.items()), encoding="utf-8")
    assert list(written()) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_the_one_written(name: str) -> None:
    assert str(planned(CASES[name])) == written()[name]
