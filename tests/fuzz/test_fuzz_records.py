"""Records of any content: profile.json and all others; what is read can be compared and shown."""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from random import Random

import pytest
from fuzzing import (
    Reader,
    assert_reads_or_refuses,
    file_reader,
    mutated_bytes,
    mutated_json,
    numbers,
    seeded,
    shortened,
)
from hypothesis import given
from hypothesis import strategies as st
from real_records import RECORDS

import rooflink.model.training
from rooflink.profiling.comparison import compare
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.findings import find
from rooflink.profiling.records.base import Record
from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.records.evaluation import Cell, Evaluation
from rooflink.profiling.records.files import load_profile, load_record
from rooflink.profiling.records.profile import Profile
from rooflink.profiling.records.training import Training
from rooflink.profiling.records.validation import Validation
from rooflink.profiling.reports.sections.profile_document import profile_document

TRAINING = sorted((Path(rooflink.model.training.__file__).parent / "results").glob("*.json"))[0]


def base(path: Path) -> dict[str, list[object]]:
    """A real record of 2 to 38 kB, most of them a tenth of what was recorded."""
    return shortened(json.loads(path.read_text()), 2)  # type: ignore[return-value]


ONE_OF_EACH = shortened(json.loads((RECORDS / "run.json").read_text()), 1)
PLACES = list(numbers(ONE_OF_EACH))
PROFILES = [base(RECORDS / f"{name}.json") for name in ("run", "counted")]
EVALUATION = base(RECORDS / "evaluation.json")
OTHERS: dict[str, tuple[type[Record], object]] = {
    "evaluation": (Evaluation, EVALUATION),
    "cell": (Cell, EVALUATION["cells"][0]),
    "validation": (Validation, base(RECORDS / "validation.json")),
    "codesign": (CodesignReport, base(RECORDS / "codesign.json")),
    "training": (Training, base(TRAINING)),
}


def reader_of(kind: type[Record]) -> Reader:
    def load(path: Path) -> Record:
        return load_record(kind, path)

    load.__name__ = kind.__name__
    return file_reader(load, "record.json")


READERS: dict[str, Reader] = {
    "profiles": file_reader(load_profile, "profile.json"),
    **{name: reader_of(kind) for name, (kind, _) in OTHERS.items()},
}


def shown(result: object) -> None:
    """What is read never stops what is made of it."""
    assert isinstance(result, Profile)
    for make in USES:
        make(result)


USES: tuple[Callable[[Profile], object], ...] = (
    lambda profile: compare(profile, profile),
    find,
    profile_document,
)


@given(mutated_json(PROFILES))
def test_a_profile_is_read_and_shown_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["profiles"], data, shown)


@given(mutated_bytes([json.dumps(PROFILES[1]).encode()]))
def test_a_damaged_profile_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["profiles"], data, shown)


def test_the_records_that_are_changed_are_read() -> None:
    for profile in PROFILES:
        assert assert_reads_or_refuses(READERS["profiles"], json.dumps(profile).encode(), shown)
    for name, (_, value) in OTHERS.items():
        assert assert_reads_or_refuses(READERS[name], json.dumps(value).encode())


def with_figures(record: object, figures: Mapping[tuple[str | int, ...], float]) -> bytes:
    """The record with other figures in their places."""
    changed = json.loads(json.dumps(record))
    for (*path, last), figure in figures.items():
        reduce(getitem, path, changed)[last] = figure
    return json.dumps(changed).encode()


@pytest.mark.parametrize(
    ("place", "figure"),
    [
        (("predictions", 0, "tpot_s", "median"), 0),
        (("predictions", 0, "tpot_s", "low"), 1e-50),
        (("predictions", 0, "phases", 0, "tokens"), 1e-50),
        (("phases", 0, "measured", "time_s", "median"), 1e50),
        (("phases", 0, "measured", "time_s", "repeats", 0), 1e-50),
        (("trace", "untraced_s", "median"), 0),
        (("trace", "scopes", 0, "self_time_s"), 0),
    ],
)
def test_a_figure_that_others_are_over_may_be_next_to_nothing(
    place: tuple[str | int, ...], figure: float
) -> None:
    data = with_figures(ONE_OF_EACH, {place: figure})
    assert assert_reads_or_refuses(READERS["profiles"], data, shown)


@pytest.mark.parametrize("figure", [5e-324, -1e-51, 1e51, 1e300])
def test_a_figure_of_no_such_size_is_refused(figure: float) -> None:
    data = with_figures(ONE_OF_EACH, {("predictions", 0, "tpot_s", "median"): figure})
    with pytest.raises(ProfileInputError, match=r"median is .*, expected 0 or a size from 1e-50"):
        READERS["profiles"](data)


@seeded
def extreme_figures(by: Random) -> bytes:
    """A profile with one to three of its figures at an extreme."""
    figures = (0, 1, 5e-324, 1e-50, 1e-30, 1e30, 1e50, 1e300)
    places = by.sample(PLACES, by.randint(1, 3))
    return with_figures(ONE_OF_EACH, {place: by.choice(figures) for place in places})


@given(extreme_figures())
def test_a_profile_of_extreme_figures_is_shown_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["profiles"], data, shown)


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
def test_a_record_is_read_or_refused(name: str, data: st.DataObject) -> None:
    assert_reads_or_refuses(READERS[name], data.draw(mutated_json([OTHERS[name][1]])))
