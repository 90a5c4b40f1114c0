"""The last lines of `up`: what became of each container."""

from __future__ import annotations

import pytest
from builders import project
from reconcile_cases import CASES

from sglaunch.commands.up import summary
from sglaunch.plan.reconcile import plan_up


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("changed, --no-recreate", ["ana-eval-dev  kept"]),
        ("changed and exited, --no-recreate", ["ana-eval-dev  started"]),
        ("changed in place, --no-recreate", ["ana-eval-dev  updated"]),
        ("an orphan, --remove-orphans", ["ana-eval-dev  up to date", "ana-eval-gone  removed"]),
    ],
)
def test_the_last_lines(case: str, said: list[str]) -> None:
    given = CASES[case]
    assert summary(plan_up(given.profiles, given.seen, project(), given.choices)) == said
