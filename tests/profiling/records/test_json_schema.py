"""The published JSON Schemas: they are the records', and hold records and nothing else."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from real_records import counted_profile, real_codesign, real_validation, whole_run

import rooflink.model.training
from rooflink.profiling.records.base import Record
from rooflink.profiling.records.files import (
    DIALECT,
    WRITTEN,
    load_record,
    published_text,
    schema_of,
)
from rooflink.profiling.records.training import Training

TRAININGS = sorted((Path(rooflink.model.training.__file__).parent / "results").glob("*.json"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(published_text(name)))


Meaning = str | tuple["Meaning", ...] | dict[str, "Meaning"]


def meaning(schema: dict[str, Any], definitions: dict[str, Any]) -> Meaning:
    """What a schema asks for and says, whatever words this pydantic has for it: types, properties
    with their descriptions, which are required, and constants. References are followed."""
    if "$ref" in schema:
        return meaning(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    choices = schema.get("anyOf") or schema.get("allOf") or schema.get("oneOf")
    if choices:
        return tuple(sorted((meaning(each, definitions) for each in choices), key=repr))
    if "const" in schema or "enum" in schema:
        return tuple(sorted(map(repr, schema.get("enum", [schema.get("const")]))))
    if "properties" in schema:
        return {
            "properties": {
                name: {
                    "description": each.get("description", ""),
                    "required": repr(name in schema.get("required", ())),
                    "value": meaning(each, definitions),
                }
                for name, each in schema["properties"].items()
            },
            "others": repr(schema.get("additionalProperties", True)),
            "description": schema.get("description", ""),
        }
    nested = [each for key in ("items", "additionalProperties")
              if isinstance(each := schema.get(key), dict)]  # fmt: skip
    return (str(schema.get("type")), *(meaning(each, definitions) for each in nested))


def meant(schema: dict[str, Any]) -> Meaning:
    return meaning(schema, schema["$defs"])


@pytest.mark.parametrize("name", WRITTEN)
def test_a_published_schema_means_what_its_records_are(name: str) -> None:
    """Compared by meaning: another version of pydantic may order and word a schema differently."""
    assert meant(json.loads(published_text(name))) == meant(schema_of(name)), (
        f"schemas/{name}.schema.json is not what the record is now: run "
        "`python -m rooflink.profiling.records.files` and commit"
    )


def test_meaning_sees_what_matters_and_nothing_else() -> None:
    """The comparison above fails for a changed description, type or requirement."""
    schema = schema_of("profile")
    other = copy.deepcopy(schema)
    phase = other["$defs"]["Phase"]
    phase["title"], phase["required"] = "Another", phase["required"][::-1]
    assert meant(other) == meant(schema)
    for change in ({"description": "other words"}, {"type": "string"}):
        other = copy.deepcopy(schema)
        other["$defs"]["CountedCost"]["properties"]["intensity"] |= change
        assert meant(other) != meant(schema)
    other = copy.deepcopy(schema)
    other["$defs"]["Phase"]["required"].remove("steps")
    assert meant(other) != meant(schema)


def test_intensity_bound_and_ridge_are_documented() -> None:
    """Item by lens: counted, measured and its machine, at datasheet peak, compiled, predicted."""
    definitions = schema_of("profile")["$defs"]
    wanted = {
        "CountedCost": {"intensity"},
        "MeasuredCost": {"intensity", "bound"},
        "MachineLimits": {"ridge"},
        "ChipPlacement": {"ridge"},
        "PhaseOnChip": {"bound", "time_at_peak_s"},
        "CompiledPhase": {"intensity"},
        "TargetRoofline": {"ridge", "bound", "time_at_peak_s"},
        "PredictedPhase": {"intensity", "bound", "ridge"},
    }
    for record, fields in wanted.items():
        for field in fields:
            assert definitions[record]["properties"][field].get("description"), (record, field)
            assert field in definitions[record]["required"], (record, field)


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
        ("profile", whole_run()),
        ("profile", counted_profile()),
        ("codesign", real_codesign()),
        ("validation", real_validation()),
    ],
)
def test_a_full_record_is_valid(name: str, record: Record) -> None:
    validator(name).validate(json.loads(record.model_dump_json()))


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_the_committed_trainings_are_valid(path: Path) -> None:
    training = load_record(Training, path)
    validator("training").validate(json.loads(training.model_dump_json()))


def test_what_is_no_profile_is_not_valid() -> None:
    sound = json.loads(whole_run().model_dump_json())
    held = validator("profile")
    assert held.is_valid(sound)
    without = {key: value for key, value in sound.items() if key != "schema_version"}
    assert not held.is_valid(without)
    assert not held.is_valid(sound | {"schema_version": "rooflink.profile/0"})
    assert not held.is_valid(sound | {"another": 1})
    assert not held.is_valid(sound | {"phases": "none"})
