"""Errors do not grow unseen, and what the README claims is what the rows that ship give."""

import re
from pathlib import Path

import freeze_predictions as frozen
import pytest

from rooflink.profiling.predicted.cases import Case
from rooflink.profiling.records.validation import FOLDS
from rooflink.profiling.reports import units
from rooflink.profiling.validation.validate import published_errors

ROOT = Path(__file__).parents[3]
GROWN = 1.05


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return frozen.shipped_cases()


def test_no_groups_error_grows_by_more_than_a_twentieth(cases: dict[str, Case]) -> None:
    """Of the frozen rows that still ship, nearly all of them. `freeze_predictions` says how the
    table is made anew."""
    table = frozen.frozen_table()
    kept = {key: row for key, row in table.items() if key in cases}
    assert len(kept) >= 0.95 * len(table)
    before = frozen.group_errors(kept, cases)
    now = frozen.group_errors(frozen.predictions({key: cases[key] for key in kept}), cases)
    grown = {name: (before[name], error) for name, error in now.items()
             if error > GROWN * before[name]}  # fmt: skip
    assert grown == {}


def test_a_table_that_was_better_would_be_noticed(cases: dict[str, Case]) -> None:
    """The error of the first group, by hand, from rows put 10 % off."""
    table = frozen.frozen_table()
    name = next(iter(table.values())).group
    rows = {key: row._replace(fitted=1.1 * cases[key].observed)
            for key, row in table.items() if row.group == name}  # fmt: skip
    assert frozen.group_errors(rows, cases)[name, "fitted"] == pytest.approx(0.1)


def test_the_readme_has_the_published_errors() -> None:
    """Each line of its table: rows and 'error, coverage' of each way, as the command writes it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| ([a-z ,]+?) \| ([\d,]+) \| (.+) \|$", text, re.MULTILINE)
    published = published_errors()
    for title, summaries in (("", published.shipped), (" not shipped", published.not_shipped)):
        groups = {each.name for each in summaries if each.by == "group"}
        for group in groups:
            of = {each.fold: each for each in summaries if (each.by, each.name) == ("group", group)}
            cells = [f"{units.share(of[fold].median_absolute_error)}, "
                     f"{units.share(of[fold].coverage)}" for fold in FOLDS]  # fmt: skip
            expected = (f"{group}{title}", units.count(of["fitted"].rows), " | ".join(cells))
            assert expected in lines, " | ".join(expected)
