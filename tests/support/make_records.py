"""Remakes the records of tests/data/records by the commands that wrote them.

    PYTHONPATH=tests/support python -m make_records            # all, in a few minutes
    PYTHONPATH=tests/support python -m make_records NAME ...   # or some

The run needs libtpu, for the program on TPUs. Tests take their expectations from the records, so
that they hold whatever is measured anew.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from real_records import RECORDS
from recorded_commands import printed


class Made(NamedTuple):
    """How one record is made."""

    command: tuple[str, ...]  # without --out, which is named as the verb
    trimmed: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: record
    before: tuple[tuple[str, ...], ...] = ()  # to be run first, in the same folder


def laid_out(record: dict[str, Any]) -> str:
    """One line for each field of the record."""
    fields = (
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
        for name, value in record.items()
    )
    return "{\n" + ",\n".join(fields) + "\n}\n"


def rounded(value: Any) -> Any:
    """Numbers to five digits but for those of a prediction, of which others are derived."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, dict):
        return {k: v if k == "prediction" else rounded(v) for k, v in value.items()}
    return value


def few_rows(validation: dict[str, Any]) -> dict[str, Any]:
    """The first two rows of each unit, with those fitted on, and the errors by regime."""
    rows: list[dict[str, Any]] = []
    for row in validation["rows"]:
        same = [each for each in rows if each["unit"] == row["unit"]]
        alike = [each for each in same if (each["fitted"] is None) == (row["fitted"] is None)]
        if len(alike) < 2:
            rows.append(row)
    regimes = [each for each in validation["summaries"] if each["by"] == "group"]
    kept = {"rows": rows, "summaries": regimes, "worked": validation["worked"][:3]}
    return validation | kept


MADE = {
    "run": Made(
        ("profile", "--limit", "4", "--attempts", "4", "--temperature", "1.5",
         "--think-budget", "9",
         "--slice", "v5e-8", "--slice", "v6e-4",
         "--compile", "cpu", "--compile", "v5e:2x4", "--trace"),
    ),
    "counted": Made(
        ("profile", "--model", "smollm2-135m", "--weights", "none", "--attempts", "4",
         "--prompt-tokens", "70", "--slice", "v5e-8", "--slice", "v6e-4"),
    ),
    "evaluation": Made(
        ("eval", "--task", "chain:k=2-4", "--strategies", "greedy,sample:n=4,direct",
         "--attempts", "1,2,4", "--think-budget", "2,6", "--limit", "8",
         "--slice", "v5e-1", "--slice", "v5p"),
    ),
    "validation": Made(("validate",), few_rows),
    "codesign": Made(
        ("codesign", "profile", "--slice", "v5e-8", "--slice", "v5p:2x2x1",
         "--what-if", "kv_dtype=int8,kv_heads=4"),
        rounded,
        before=(
            ("profile", "--model", "llama3-8b", "--weights", "none", "--attempts", "8",
             "--think-budget", "2048"),
        ),
    ),
}  # fmt: skip


def make(name: str) -> Path:
    """Run the command of a record and keep what it wrote; returns the file."""
    made = MADE[name]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for command in (*made.before, made.command):
            printed((*command, "--out", command[0]))
        (written,) = Path(made.command[0]).glob("*.json")
        record = made.trimmed(json.loads(written.read_text()))
    file = RECORDS / f"{name}.json"
    file.write_text(laid_out(record))
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of " + ", ".join(MADE))
    for name in parser.parse_args().names or MADE:
        print(make(name))


if __name__ == "__main__":
    main()
