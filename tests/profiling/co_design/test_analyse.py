"""The whole analysis of a profile: a record that reads back, and sentences for bad input."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from real_records import real_profile
from sample_calibration import sample_calibration

from rooflink.model.config import preset
from rooflink.model.tasks.modular import GAPS_DISCLOSURE
from rooflink.profiling.co_design.analyse import CodesignOptions, analyse, assumptions
from rooflink.profiling.co_design.what_if import parse_what_if
from rooflink.profiling.co_design.workload_mix import kinds_of, parse_mix
from rooflink.profiling.errors import ProfileInputError, Silent
from rooflink.profiling.predicted.economics import Terms, economic_terms
from rooflink.profiling.predicted.model_shape import model_facts, named_shape
from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.reports.codesign_words import headline
from rooflink.profiling.reports.sections.codesign_document import requested
from rooflink.tpu_configs.slice import parse_slice

OPTIONS = CodesignOptions(what_ifs=(parse_what_if("hbm_bandwidth=2x"),), weight_dtype="bfloat16")
V5E = [parse_slice("v5e-4")]


@pytest.fixture(scope="module")
def report():
    profile = real_profile()
    gaps = profile.findings[0].model_copy(
        update={"kind": "note", "what": GAPS_DISCLOSURE, "how": None}
    )
    told = profile.model_copy(update={"findings": [gaps, *profile.findings]})
    return analyse([told], V5E, OPTIONS, sample_calibration())


def test_the_record_reads_back_and_every_number_is_one(report):
    text = report.model_dump_json()
    assert CodesignReport.model_validate_json(text) == report

    def walk(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                walk(each)
        assert not isinstance(value, float) or math.isfinite(value)

    walk(json.loads(text))


def test_everything_that_a_report_draws_is_there(report):
    (case,) = report.cases
    assert case.elasticities
    assert case.levers
    assert case.roofline.points
    assert len(case.bound_maps) == 2
    assert case.what_ifs[0].text == "hbm_bandwidth=2x"
    assert 0 < len(report.hardware_asks) <= 5
    assert len(report.model_asks) == 5
    assert [each.purpose for each in report.searches] == ["reasoning", "prefill-heavy"]
    assert report.data_centers[0].traces[0].label == "synchronised"
    assert report.pareto
    assert any(GAPS_DISCLOSURE in note for note in report.notes)
    assert all(each.source for each in report.assumptions)


def test_an_assumed_price_has_its_own_confidence_and_each_operator_its_pue() -> None:
    """Google's list has v5p's price for sure, though its bandwidth is published in two ways."""
    slices = [parse_slice("v5p:2x2x1"), parse_slice("trainium1")]
    cases = [
        SimpleNamespace(slice=each, terms=economic_terms(each.chip, Terms())) for each in slices
    ]
    rows = {row.sentence: row.confidence for row in assumptions(cases)}  # type: ignore[arg-type]
    assert slices[0].chip.confidence == "medium"
    assert rows["TPU v5p: $4.2 per chip-hour."] == "high"
    pues = [sentence for sentence in rows if "(PUE)" in sentence]
    assert [sentence.rpartition(" ")[2] for sentence in pues] == ["1.09.", "1.14."]


def test_dollars_per_correct_answer_are_dollars_over_accuracy(report):
    (case,) = report.cases
    assert case.usd_per_correct.median == pytest.approx(
        case.usd_per_query.median / case.accuracy.median
    )


def test_a_slice_that_holds_nothing_is_a_note_and_all_such_are_an_error():
    facts = model_facts(preset("llama3-70b"), "float32", "none")
    big = real_profile().model_copy(update={"model": facts})
    with pytest.raises(ProfileInputError, match=r"no slice holds any of the profiles: .* v5e"):
        analyse([big], V5E, OPTIONS, sample_calibration())


def test_bad_input_is_said():
    profile, calibration = real_profile(), sample_calibration()
    empty = profile.model_copy(
        update={"workload": profile.workload.model_copy(update={"prompts": 0})}
    )
    bare = profile.model_copy(update={"phases": []})
    for profiles, slices, options, said in (
        ([], V5E, OPTIONS, "no profile given"),
        ([profile], [], OPTIONS, "no slice given"),
        ([empty], V5E, OPTIONS, "has an empty workload"),
        ([bare], V5E, OPTIONS, "has no counted phases"),
        (
            [profile],
            V5E,
            CodesignOptions(budget={"usd": 1.0}),
            "no chip fits a budget",
        ),
        ([profile], V5E, CodesignOptions(latency_target_s=1e-9), "answers within"),
        ([profile], V5E, CodesignOptions(latency_target_s=math.nan), "answers within"),
        ([profile], V5E, CodesignOptions(queries_per_s=math.nan), "the load is nan"),
        ([profile], V5E, CodesignOptions(queries_per_s=-1.0), "the load is -1.0"),
        (
            [profile],
            [parse_slice("h100"), parse_slice("v5p:2x2x2")],
            CodesignOptions(what_ifs=[parse_what_if("on_chip_bandwidth=2x")]),
            "on_chip_bandwidth, but that of .* is not public",
        ),
        (
            [profile],
            V5E,
            CodesignOptions(what_ifs=[parse_what_if("layers=1e12")]),
            "expected 1 to 1e",
        ),
        (
            [profile],
            V5E,
            CodesignOptions(what_ifs=[parse_what_if("hbm_bandwidth=1e300")]),
            "expected at most 10000 times as much",
        ),
    ):
        watcher = Stages()
        with pytest.raises(ProfileInputError, match=said):
            analyse(profiles, slices, options, calibration, watcher)
        assert not [stage for stage in watcher.stages if stage.startswith("Analysing")]


class Stages(Silent):
    """The stages that began."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        self.stages.append(what)


def test_a_model_without_a_profile_is_asked_every_workload_of_the_mix():
    mix = parse_mix(
        "[[workload]]\nshare = 1\nprompt = 64\nthink = 0\nanswer = 8\n"
        "[[workload]]\nshare = 3\nprompt = 512\nthink = 1024\nanswer = 64\nattempts = 4\n",
        "mix.toml",
    )
    model = named_shape("gpt-oss-120b")
    options = CodesignOptions(described=[model], weight_dtype="fp4")
    with pytest.raises(ProfileInputError, match="add --workload with a file of its queries"):
        analyse([], V5E, options, sample_calibration())
    places = [parse_slice("v5e-16")]
    report = analyse([], places, replace(options, mix=mix), sample_calibration())
    names = [
        "gpt-oss-120b (think 0, 25 %)",
        "gpt-oss-120b (think 1024 \N{MULTIPLICATION SIGN} 4, 75 %)",
    ]
    assert [(read.name, read.model, read.ran, read.file) for read in report.profiles] == [
        (name, "gpt-oss-120b", False, None) for name in names
    ]
    assert [case.profile for case in report.cases] == names
    assert report.cases[1].workload.endswith(" 4 attempts, 512 + 1024 + 64 tokens, fp4")
    assert [center.queries_per_s for center in report.data_centers] == [0.25, 0.75]
    assert any("counts by its share of what the mix takes" in note for note in report.notes)
    assert {search.model for search in report.searches} == {"gpt-oss-120b"}
    assert "With 1 to 4 attempts together" in headline(report)
    lead = dict(requested(report)[2].known)
    assert lead["workload mix"] == "; ".join(workload.words for workload in mix)
    one = analyse([], places, replace(options, mix=mix[:1]), sample_calibration())
    assert [case.profile for case in one.cases] == ["gpt-oss-120b"]
    assert not any("counts by its share of what the mix takes" in note for note in one.notes)


def test_workloads_of_a_mix_have_names_of_their_own():
    table = "[[workload]]\nshare = 1\nprompt = {}\nthink = 8\nanswer = 8\n"
    mix = parse_mix(table.format(64) + table.format(128) + table.format(1) + 'name = "chat"', "m")
    assert kinds_of(mix) == ["think 8, 33 %", "think 8, 33 %, 2", "chat, 33 %"]
