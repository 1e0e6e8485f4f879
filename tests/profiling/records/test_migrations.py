"""Files of older versions: every figure is kept, new ones follow from it, newer files are refused.

profile_1.json and evaluation_1.json were written by the rooflink of version 1 of those records.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from real_records import real_codesign, real_validation

import rooflink.model.training
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records.base import Record
from rooflink.profiling.records.evaluation import Cell, Evaluation
from rooflink.profiling.records.files import WRITTEN, load_profile, load_record, published_text
from rooflink.profiling.records.migrations import STEPS
from rooflink.profiling.records.profile import Profile
from rooflink.profiling.records.training import Training

HERE = Path(__file__).parent
PROFILE_1, EVALUATION_1 = HERE / "profile_1.json", HERE / "evaluation_1.json"
TRAININGS = sorted((Path(rooflink.model.training.__file__).parent / "results").glob("*.json"))


def old_profile() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(PROFILE_1.read_text())
    return read


def written(folder: Path, document: object) -> Path:
    path = folder / "profile.json"
    path.write_text(json.dumps(document))
    return path


def leaves(document: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, object]]:
    """Every figure and text with where it stands; a list's or object's emptiness too."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from leaves(value, (*path, key))
    elif isinstance(document, list) and document:
        for index, value in enumerate(document):
            yield from leaves(value, (*path, index))
    else:
        yield path, document


def kept(old: object, record: Record, *but: str) -> None:
    """Every leaf of `old` outside of the top-level fields `but` is in the record as it was."""
    now = dict(leaves(json.loads(record.model_dump_json())))
    checked = 0
    for path, value in leaves(old):
        if path[0] not in but and path[-1] != "schema_version":
            assert now[path] == value, path
            checked += 1
    assert checked > 20


def test_a_profile_of_version_1_keeps_every_figure() -> None:
    profile = load_profile(PROFILE_1)
    assert profile.schema_version == "rooflink.profile/4"
    published = Draft202012Validator(json.loads(published_text("profile")))
    published.validate(json.loads(profile.model_dump_json()))
    kept(old_profile(), profile, "findings")


def test_sentences_of_version_1_are_kept_as_notes() -> None:
    notes = load_profile(PROFILE_1).findings
    assert [note.sentence for note in notes] == [
        finding["sentence"] for finding in old_profile()["findings"]
    ]
    assert {note.kind for note in notes} == {"note"}
    assert {note.saves_share for note in notes} == {None}


def test_new_figures_follow_from_those_of_version_1() -> None:
    old, profile = old_profile(), load_profile(PROFILE_1)
    machine = old["machine"]
    assert profile.machine
    assert profile.machine.ridge == machine["matmul_flops"] / machine["read_bandwidth"]
    for before, phase in zip(old["phases"], profile.phases, strict=True):
        flops, moved = before["counted"]["flops"], sum(before["counted"]["hbm_bytes"].values())
        assert phase.counted.intensity == flops / moved
        assert phase.measured
        assert phase.measured.flops_per_s == flops / before["measured"]["time_s"]["median"]
        assert phase.measured.intensity == pytest.approx(flops / moved)
        shares = (phase.measured.bandwidth_share, phase.measured.flops_share)
        rates = (phase.measured.bytes_per_s, phase.measured.flops_per_s)
        limits = (machine["read_bandwidth"], machine["matmul_flops"])
        assert shares == pytest.approx([r / limit for r, limit in zip(rates, limits, strict=True)])
    for phase in profile.compiled[0].phases:
        assert phase.at_peak is None  # version 1 does not say what the target's chip can do
        assert phase.intensity == phase.counted_flops / phase.hbm_bytes


def test_an_evaluation_and_its_cells_of_version_1_keep_every_figure(tmp_path: Path) -> None:
    """But for times that held tracing and lowering, which are dropped."""
    old = json.loads(EVALUATION_1.read_text())
    for row in old["cells"]:
        assert row.pop("wall_s") > 0
        assert row.pop("compile_s") > 0
    evaluation = load_record(Evaluation, EVALUATION_1)
    kept(old, evaluation)
    first = json.loads(EVALUATION_1.read_text())["cells"][0]
    cell = load_record(Cell, written(tmp_path, first))
    assert cell.time_per_question_s is None
    kept(old["cells"][0], cell)
    assert evaluation.cells == [cell]


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_the_committed_trainings_keep_every_figure(path: Path) -> None:
    kept(json.loads(path.read_text()), load_record(Training, path))


def test_a_report_of_version_1_is_read(tmp_path: Path) -> None:
    """It lacks what predicted phases have since."""
    report = real_codesign()
    old = json.loads(report.model_dump_json()) | {"schema_version": "rooflink.codesign/1"}
    for case in old["cases"]:
        for phase in case["prediction"]["phases"]:
            for name in ("intensity", "ridge", "sequence_overhead_s"):
                del phase[name]
    read = load_record(type(report), written(tmp_path, old))
    phases = [phase for case in read.cases for phase in case.prediction.phases]
    now = [phase for case in report.cases for phase in case.prediction.phases]
    assert [(p.intensity, p.ridge) for p in phases] == [(p.intensity, p.ridge) for p in now]
    assert {phase.sequence_overhead_s for phase in phases} == {0.0}
    assert [case.levers for case in read.cases] == [case.levers for case in report.cases]


def test_a_validation_of_version_1_is_read(tmp_path: Path) -> None:
    """Its rows were held out with their models alone, and nothing was compared."""
    validation = real_validation()
    old = json.loads(validation.model_dump_json()) | {"schema_version": "rooflink.validation/1"}
    added = ("agreement", "comparisons", "not_shipped", "not_shipped_sources")
    of_rows = ("system_held_out", "stack_held_out", "unseen", "output_tokens")
    for name in added:
        del old[name]
    for row in old["rows"]:
        for name in (*of_rows, "overfull"):
            del row[name]
    read = load_record(type(validation), written(tmp_path, old))
    kept(old, read)
    assert {getattr(row, name) for row in read.rows for name in of_rows} == {None}
    assert [getattr(read, name) for name in added] == [[], [], [], []]


def test_a_validation_of_version_2_has_what_its_notes_say(tmp_path: Path) -> None:
    validation = real_validation()
    old = json.loads(validation.model_dump_json()) | {"schema_version": "rooflink.validation/2"}
    for row in old["rows"]:
        del row["overfull"]
    old["rows"][0]["note"] = "64 in flight; concurrency above what the slice holds"
    read = load_record(type(validation), written(tmp_path, old))
    assert [row.overfull for row in read.rows[:2]] == [True, False]


@pytest.mark.parametrize("name", WRITTEN)
def test_there_is_a_step_from_every_older_version(name: str) -> None:
    newest = int(WRITTEN[name].version.rpartition("/")[2])
    assert list(STEPS[name]) == list(range(1, newest))


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (
            "rooflink.profile/5",
            "has schema 'rooflink.profile/5', and this rooflink reads up to 'rooflink.profile/4': "
            "update rooflink",
        ),
        (
            "rooflink.codesign/1",
            "has schema 'rooflink.codesign/1', this rooflink reads 'rooflink.profile/4' and what "
            "came before it",
        ),
        (
            None,
            "has schema None, this rooflink reads 'rooflink.profile/4' and what came before it",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, version: str | None, sentence: str
) -> None:
    path = written(tmp_path, old_profile() | {"schema_version": version})
    with pytest.raises(ProfileInputError) as error:
        load_profile(path)
    assert str(error.value) == f"{path} {sentence}"


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"name": 3}, "name"),
        ({"phases": "none"}, "phases"),
        ({"phases": [{"name": "think"}]}, "phases.0.tokens"),
        ({"findings": [{}]}, "findings.0.kind"),
        ({"findings": [3]}, "findings.0: expected a JSON object"),
    ],
)
def test_damage_in_an_old_file_is_named(
    tmp_path: Path, broken: dict[str, object], where: str
) -> None:
    path = written(tmp_path, old_profile() | broken)
    with pytest.raises(ProfileInputError, match=f"is damaged at {where}"):
        load_profile(path)


def test_derived_figures_are_derived_on_reading(tmp_path: Path) -> None:
    """A file that somebody has changed by hand cannot contradict itself."""
    profile = load_profile(PROFILE_1)
    document = json.loads(profile.model_dump_json())
    document["phases"][1]["counted"]["intensity"] = 7.0
    assert load_profile(written(tmp_path, document)) == profile
    assert Profile.model_validate(document) == profile
