"""A profile with drafts: acceptance, costs of draft and check apart, and what is saved by slice."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import LLAMA, public_tensors, write_folder

from rooflink.model.config import ModelInputError
from rooflink.model.generation.drafters import exit_config
from rooflink.model.tasks import parse_task
from rooflink.profiling.co_design.analyse import analyse
from rooflink.profiling.compiled.spec import parse_target
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.names import slice_named
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.predict import predict, think_speed_up
from rooflink.profiling.predicted.query import PredictionRequest, Query
from rooflink.profiling.predicted.slices import query_of
from rooflink.profiling.predicted.speculative import accepted_by_marginal, parse_speculation
from rooflink.profiling.profiler import profile
from rooflink.profiling.records import Profile
from rooflink.profiling.records.profile import total_phase
from rooflink.profiling.reports.document import Table
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.strategy_request import strategy_for
from rooflink.profiling.workload import Request
from rooflink.tpu_configs.catalog import load_chip


@pytest.fixture(scope="module")
def found() -> Profile:
    """The reasoner drafted for by its own first two layers, compiled for this CPU too."""
    subject = resolve_subject("reasoner", "own", "float32")
    request = Request(
        problems=parse_task("chain:k=6").problems("test", 4, 0),
        attempts=1,
        think_budget=12,
        answer_budget=3,
        strategy=strategy_for("speculative:draft=early-exit,layers=2,n=2", subject),
    )
    return profile(subject, request, [load_chip("v5e")], 1, targets=[parse_target("cpu")])


def test_draft_and_check_are_counted_apart(found: Profile) -> None:
    """A draft's FLOPs are of its two layers and its head; both read the prompts."""
    phases = {phase.name: phase for phase in found.phases}
    assert list(phases)[:3] == ["prefill", "check drafts", "draft"]
    subject = resolve_subject("reasoner", "own", "float32")
    unit = unit_costs(exit_config(subject.config, 2), "float32")
    draft, check, acceptance = phases["draft"], phases["check drafts"], found.acceptance
    assert acceptance is not None
    bare = unit.token.matmul_flops * draft.tokens + unit.head.matmul_flops * 2 * acceptance.checks
    assert draft.counted.flops > bare  # and attention, by pairs
    assert (draft.counted.flops - bare) % unit.pair.matmul_flops == 0
    assert draft.steps == 2 * check.steps
    assert phases["prefill"].tokens == 2 * sum(found.workload.prompt_tokens)
    assert [phase.phase for phase in found.predictions[0].phases] == list(phases)


def test_the_time_of_drafting_is_charged(found: Profile) -> None:
    """At the check, in whose program it runs; rates there are of the work of both."""
    phases = {phase.name: phase for phase in found.phases}
    draft, check = phases["draft"], phases["check drafts"]
    assert (draft.measured, draft.timed_with) == (None, "check drafts")
    assert check.measured is not None
    seconds = check.measured.time_s.median
    both = check.counted.flops + draft.counted.flops
    assert check.measured.flops_per_s * seconds == pytest.approx(both)
    whole = total_phase(found).measured
    assert whole is not None
    assert whole.time_s.median == pytest.approx(
        sum(phase.measured.time_s.median for phase in found.phases if phase.measured)
    )


def test_measured_acceptance_predicts_tokens_of_a_check(found: Profile) -> None:
    acceptance, outcome = found.acceptance, found.outcome
    assert acceptance is not None
    assert outcome is not None
    check = next(phase for phase in found.phases if phase.name == "check drafts")
    firsts = forced = found.workload.prompts  # out of prefill; the cue of those that need one
    closed = sum(length.stop_reason == "marker" for length in outcome.lengths)
    thought = sum(length.think_tokens for length in outcome.lengths) - (forced - closed)
    measured = (thought - firsts) / acceptance.checks
    assert accepted_by_marginal(acceptance.marginal) == pytest.approx(measured, rel=0.02)
    assert acceptance.tokens_per_check == pytest.approx(measured, rel=0.02)
    assert check.tokens == acceptance.checks + sum(place.proposed for place in acceptance.places)


def test_the_report_tells_acceptance_by_place(found: Profile) -> None:
    assert found.acceptance is not None
    tables = {
        block.name: block
        for block in profile_document(found).section("drafts").blocks
        if isinstance(block, Table)
    }
    shown = tables["acceptance"]
    assert shown.column("marginal rate").values == found.acceptance.marginal
    assert shown.column("conditional rate").values == found.acceptance.conditional
    assert tables["draft_speed_ups"].column("slice").values == [found.predictions[0].slice]
    assert Profile.model_validate_json(found.model_dump_json()) == found


def test_draft_and_check_compile_as_what_they_are(found: Profile) -> None:
    """A check has the head of all its positions; a draft has two of three layers."""
    (compiled,) = found.compiled
    phases = {phase.phase: phase for phase in compiled.phases}
    assert {"prefill", "check drafts", "draft"} <= set(phases)
    subject = resolve_subject("reasoner", "own", "float32")
    whole, cut = (
        unit_costs(config, "float32") for config in (subject.config, exit_config(subject.config, 2))
    )
    rows = 4
    check = phases["check drafts"].counted_flops
    assert check > rows * 3 * (whole.token.matmul_flops + whole.head.matmul_flops)
    draft = phases["draft"].counted_flops
    per_pass = rows * (cut.token.matmul_flops + cut.head.matmul_flops)
    assert per_pass < draft / phases["draft"].passes < 2 * per_pass


def query(model: str, batch: int, draft: str) -> Query:
    named = named_shape(model)
    lengths = Lengths(float(batch), 1.0, 512.0, 512.0, 16.0)
    request = PredictionRequest(model=named, lengths=lengths)
    asked = query_of(request, slice_named("v5e-8"))
    return replace(asked, speculation=parse_speculation(draft, named))


def test_speed_up_is_the_ratio_of_two_predictions() -> None:
    """Free drafts that are always kept save at one request nearly what they yield; of a mixture of
    experts less, for a check touches more experts than a token does."""
    asked = query("llama3-8b", 1, "drafts=3,accepted=4,draft=ngram")
    factor = think_speed_up(asked)
    drafted, plain = (
        next(p for p in predict(one).phases if p.phase == "think").time_s.median
        for one in (asked, replace(asked, speculation=None))
    )
    assert factor.median == pytest.approx(plain / drafted, rel=0.05)
    assert factor.low <= factor.median <= factor.high
    mixture = think_speed_up(query("mixtral-8x7b", 1, "drafts=3,accepted=4,draft=ngram"))
    assert mixture.median < factor.median
    wrong = think_speed_up(query("mixtral-8x7b", 1, "drafts=3,accepted=1,draft=ngram"))
    assert wrong.high < 1


@pytest.mark.parametrize(
    ("draft", "error", "message"),
    [
        ("nosuch", ModelInputError, "draft=nosuch is neither ngram nor early-exit, and as a model"),
        ("early-exit,layers=3", ModelInputError, "layers must be from 1 to 2, got 3"),
    ],
)
def test_drafts_that_cannot_be(draft: str, error: type[Exception], message: str) -> None:
    subject = resolve_subject("reasoner", "own", "float32")
    with pytest.raises(error, match=message):
        strategy_for(f"speculative:draft={draft}", subject)


def test_a_draft_reads_the_tokens_that_the_model_reads(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "other", LLAMA, public_tensors(LLAMA))
    subject = resolve_subject("reasoner", "own", "float32")
    with pytest.raises(ProfileInputError, match="reads other tokens than reasoner"):
        strategy_for(f"speculative:draft={folder}", subject)


def test_codesign_wants_a_profile_without_drafts(found: Profile) -> None:
    with pytest.raises(ProfileInputError, match="thought with drafts"):
        analyse([found], [slice_named("v5e-1")])
