"""Records of any content: profile.json and all others; what is read can be compared and shown."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import Reader, assert_reads_or_refuses, file_reader, mutated_bytes, mutated_json
from hypothesis import given
from hypothesis import strategies as st
from real_records import RECORDS

import rooflink.model.training
from rooflink.profiling.comparison import compare
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
PROFILES = [json.loads((RECORDS / f"{name}.json").read_text()) for name in ("run", "counted")]
EVALUATION = json.loads((RECORDS / "evaluation.json").read_text())
OTHERS: dict[str, tuple[type[Record], object]] = {
    "evaluation": (Evaluation, EVALUATION),
    "cell": (Cell, EVALUATION["cells"][0]),
    "validation": (Validation, json.loads((RECORDS / "validation.json").read_text())),
    "codesign": (CodesignReport, json.loads((RECORDS / "codesign.json").read_text())),
    "training": (Training, json.loads(TRAINING.read_text())),
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


@pytest.mark.parametrize("name", OTHERS)
@given(data=st.data())
def test_a_record_is_read_or_refused(name: str, data: st.DataObject) -> None:
    assert_reads_or_refuses(READERS[name], data.draw(mutated_json([OTHERS[name][1]])))
