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

    command: tuple[str, ...]  # without --out
    trimmed: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: record
    before: tuple[str, ...] = ()  # makes the run that the command takes as its first argument


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


def five_digits(record: Any) -> Any:
    """Its figures but for predictions, from which others are derived, to five digits."""
    if isinstance(record, dict):
        return {k: v if k == "prediction" else five_digits(v) for k, v in record.items()}
    if isinstance(record, list):
        return [five_digits(value) for value in record]
    return float(f"{record:.5g}") if isinstance(record, float) else record


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
         "--slice", "v5e-1", "--slice", "v5p-1"),
    ),
    "validation": Made(("validate",), few_rows),
    "codesign": Made(
        ("codesign", "--slice", "v5e-8", "--slice", "v5p-4",
         "--what-if", "kv_dtype=int8,kv_heads=4"),
        five_digits,
        before=("profile", "--model", "llama3-8b", "--weights", "none", "--attempts", "8",
                "--think-budget", "2048"),
    ),
}  # fmt: skip


KIND_OF = {"eval": "evaluation", "validate": "validation"}


def make(name: str) -> Path:
    """Run the command of a record and keep what it wrote; returns the file."""
    made = MADE[name]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        command = made.command
        if made.before:
            printed((*made.before, "--out", "llama"))
            command = (command[0], "llama", *command[1:])
        printed((*command, "--out", "run"))
        written = Path("run") / f"{KIND_OF.get(command[0], command[0])}.json"
        record = made.trimmed(json.loads(written.read_text()))
    file = RECORDS / f"{name}.json"
    large = bool(made.before)
    text = json.dumps(record, separators=(",", ":")) if large else json.dumps(record, indent=1)
    file.write_text(text + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of " + ", ".join(MADE))
    for name in parser.parse_args().names or MADE:
        print(make(name))


if __name__ == "__main__":
    main()
