"""The published JSON Schemas: they are the records', and hold records and nothing else."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from sample_codesign import sample_codesign
from sample_compiled import sample_cpu, sample_slice
from sample_prediction import sample_prediction
from sample_profile import sample_profile
from sample_validation import sample_validation

import rooflink.model.training
from rooflink.profiling.records.base import Record
from rooflink.profiling.records.files import DIALECT, REMAKE, WRITTEN, published_text, text_of

TRAININGS = sorted((Path(rooflink.model.training.__file__).parent / "results").glob("*.json"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(published_text(name)))


@pytest.mark.parametrize("name", WRITTEN)
def test_a_published_schema_is_its_records(name: str) -> None:
    assert published_text(name) == text_of(name), (
        f"schemas/{name}.schema.json is not what the record is now: run `{REMAKE}` and commit"
    )


@pytest.mark.parametrize("name", WRITTEN)
def test_a_published_schema_is_one(name: str) -> None:
    schema = json.loads(published_text(name))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert WRITTEN[name].file in schema["title"]
    version = schema["properties"]["schema_version"]["const"]
    assert version == WRITTEN[name].version
    assert schema["$id"] == "urn:" + version.replace(".", ":").replace("/", ":")


@pytest.mark.parametrize(
    ("name", "record"),
    [
        (
            "profile",
            sample_profile().model_copy(
                update={
                    "compiled": [sample_cpu(), sample_slice()],
                    "predictions": [sample_prediction()],
                }
            ),
        ),
        ("codesign", sample_codesign()),
        ("validation", sample_validation()),
    ],
)
def test_a_full_record_is_valid(name: str, record: Record) -> None:
    validator(name).validate(json.loads(record.model_dump_json()))


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_the_committed_trainings_are_valid(path: Path) -> None:
    validator("training").validate(json.loads(path.read_text()))


def test_what_is_no_profile_is_not_valid() -> None:
    sound = json.loads(sample_profile().model_dump_json())
    held = validator("profile")
    assert held.is_valid(sound)
    without = {key: value for key, value in sound.items() if key != "schema_version"}
    assert not held.is_valid(without)
    assert not held.is_valid(sound | {"schema_version": "rooflink.profile/0"})
    assert not held.is_valid(sound | {"another": 1})
    assert not held.is_valid(sound | {"phases": "none"})
