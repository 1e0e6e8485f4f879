"""The records that tests read are of today's schema, each as a command writes it."""

import json

import pytest
from jsonschema import Draft202012Validator
from make_records import MADE
from real_records import KINDS, RECORDS, load

from rooflink.profiling.records.files import WRITTEN, published_text


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_record_is_of_todays_schema(name: str) -> None:
    """As it stands: not migrated, nothing left out and nothing that is no field any more."""
    kept = json.loads((RECORDS / f"{name}.json").read_text())
    kind = KINDS[name]
    (schema,) = [named for named, each in WRITTEN.items() if each.kind == kind.__name__]
    Draft202012Validator(json.loads(published_text(schema))).validate(kept)
    assert load(kind, name).model_dump(mode="json").keys() == kept.keys()


def test_every_record_can_be_made_again_and_all_are_small() -> None:
    files = list(RECORDS.iterdir())
    assert {file.stem for file in files} == set(KINDS) == set(MADE)
    assert sum(file.stat().st_size for file in files) < 450_000
