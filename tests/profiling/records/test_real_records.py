"""The records that tests read are of today's schema, each as a command writes it."""

import json

import pytest
from make_records import MADE
from real_records import KINDS, RECORDS, load

from rooflink.profiling.records.files import WRITTEN


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_record_is_of_todays_schema(name: str) -> None:
    """As it stands: not migrated, nothing left out, no field that only its class would fill in."""
    kept = json.loads((RECORDS / f"{name}.json").read_text())
    kind = KINDS[name]
    (written,) = [each for each in WRITTEN.values() if each.kind == kind.__name__]
    assert kept["schema_version"] == written.version
    assert load(kind, name).model_dump(mode="json") == kept


def test_every_record_can_be_made_again_and_all_are_small() -> None:
    files = list(RECORDS.iterdir())
    assert {file.stem for file in files} == set(KINDS) == set(MADE)
    assert sum(file.stat().st_size for file in files) < 400_000
