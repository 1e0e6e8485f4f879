"""`rooflink schema`, and that what other commands write is what it prints."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rooflink.profiling.records.files import WRITTEN

from .conftest import Command


def validate(rooflink: Command, name: str, file: Path) -> None:
    printed = rooflink("schema", name)
    assert printed.code == 0
    Draft202012Validator(json.loads(printed.out)).validate(json.loads(file.read_text()))


def test_it_lists_every_record(rooflink: Command) -> None:
    done = rooflink("schema")
    assert done.code == 0
    rows = {row["name"]: row for row in json.loads(rooflink("schema", "--json").out)}
    assert list(rows) == [*WRITTEN, "attempts-log"]
    for name, row in rows.items():
        assert name in done.out
        assert (row["version"] or "") in done.out


def test_the_example_of_a_log_is_valid_line_by_line(rooflink: Command) -> None:
    schema = Draft202012Validator(json.loads(rooflink("schema", "attempts-log").out))
    assert rooflink("examples", "here").code == 0
    rows = [json.loads(line) for line in Path("here/answers.jsonl").read_text().splitlines()]
    assert len(rows) == 48
    for row in rows:
        schema.validate(row)
    assert not schema.is_valid({"answer": "42", "expected": "42"})  # of no problem


def test_examples_are_not_written_over_ones_own(rooflink: Command) -> None:
    Path("here").mkdir()
    Path("here/mix.toml").write_text("mine")
    refused = rooflink("examples", "here")
    assert (refused.code, refused.out) == (2, "")
    assert "here holds mix.toml" in refused.err
    assert Path("here/mix.toml").read_text() == "mine"
    assert rooflink("examples", "here", "--force", "--json").code == 0


def test_a_written_profile_is_valid(rooflink: Command, tiny_folder: Path) -> None:
    """Counted, compiled for this machine, measured and predicted."""
    done = rooflink(
        "profile", "--model", tiny_folder, "--prompts", "hi", "--attempts", 2, "--think-budget", 6,
        "--answer-budget", 3, "--repeats", 1, "--slice", "v5e-1", "--out", "run",
    )  # fmt: skip
    assert done.code == 0, done.err
    file = Path("run/profile.json")
    assert all(json.loads(file.read_text())[lens] for lens in ("compiled", "predictions"))
    validate(rooflink, "profile", file)


def test_a_written_evaluation_and_its_cells_are_valid(rooflink: Command) -> None:
    done = rooflink(
        "eval", "--task", "chain:k=1", "--limit", 8, "--strategies", "greedy", "--think-budget", 4,
        "--answer-budget", 4, "--slice", "v5e-1", "--out", "here",
    )  # fmt: skip
    assert done.code == 0, done.err
    validate(rooflink, "evaluation", Path("here/evaluation.json"))
    (cell,) = Path("here/cells").iterdir()
    validate(rooflink, "cell", cell)


def test_a_written_validation_is_valid(rooflink: Command) -> None:
    assert rooflink("validate", "--worked", "--out", "check").code == 0
    validate(rooflink, "validation", Path("check/validation.json"))


@pytest.mark.parametrize("arguments", [("profiles",), ("profiles", "--json")])
def test_an_unknown_record_is_one_sentence(rooflink: Command, arguments: tuple[str, ...]) -> None:
    done = rooflink("schema", *arguments)
    assert done.code == 2
    assert "no record is called 'profiles'" in done.err
    assert "profile, evaluation" in done.err
