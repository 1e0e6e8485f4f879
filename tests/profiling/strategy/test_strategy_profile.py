"""Every strategy profiled: its own phases under every lens, counted as in an evaluation."""

from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from rooflink.model.sampling import Greedy
from rooflink.model.strategies.registry import STRATEGIES
from rooflink.model.tasks import Problem, parse_task
from rooflink.model.transformer import Transformer
from rooflink.profiling.co_design.analyse import CodesignOptions, analyse, recorded_note
from rooflink.profiling.comparison import compare
from rooflink.profiling.errors import Silent, Watcher
from rooflink.profiling.evaluation.evaluate import Runner
from rooflink.profiling.evaluation.grid import Grid, places_of
from rooflink.profiling.measured.run import Clocked, WarmClock, clocked
from rooflink.profiling.model_spec import Subject, resolve_subject
from rooflink.profiling.names import slice_named
from rooflink.profiling.profiler import profile
from rooflink.profiling.records import Profile
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.sections.profile_scalars import scalars
from rooflink.profiling.reports.sections.profile_tables import workload_facts
from rooflink.profiling.strategy_request import strategy_for
from rooflink.profiling.workload import Request
from rooflink.tpu_configs.catalog import load_chip

TASK = parse_task("chain:k=1-2")
PROBLEMS = TASK.problems("test", 2, 0)
THINK, ANSWER = 6, 3
TEXTS = (
    "direct",
    "greedy",
    "sample:n=2",
    "cot-decoding:k=2",
    "self-consistency:n=2",
    "best-of-n:n=2",
    "beam:n=2,width=2,step=2",
    "revision:revisions=1",
    "budget-forcing:extend=0",
    "adaptive-consistency:n=2,round=1,sure=0.99",
    "early-stop:every=2,sure=1",
    "speculative:n=2",
    "cached+greedy",
)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return resolve_subject("reasoner", "own", None)


@pytest.fixture(scope="module")
def model(subject: Subject) -> Transformer:
    return subject.load(0, 0)


def profiled(
    subject: Subject, text: str | None, repeats: int = 1, watcher: Watcher | None = None,
    problems: Sequence[Problem] = PROBLEMS,
) -> Profile:  # fmt: skip
    asked = strategy_for(text, subject)
    request = Request(
        problems=problems,
        attempts=asked.parsed().rows if asked else 1,
        think_budget=THINK,
        answer_budget=ANSWER,
        sampler=Greedy(),
        task=TASK.name,
        strategy=asked,
    )
    chips = [load_chip("v5e")]
    return profile(subject, request, chips, repeats, name=text or "plain", watcher=watcher)


def test_every_strategy_is_profiled_here() -> None:
    named = {text.partition(":")[0] for text in TEXTS}
    assert {kind.name for kind in STRATEGIES} <= named


@pytest.mark.parametrize("text", TEXTS)
def test_a_strategy_s_phases_under_every_lens(
    subject: Subject, model: Transformer, text: str
) -> None:
    """Counted as in `rooflink eval` with the same seed, whose ledgers add up to the same."""
    found = profiled(subject, text)
    grid = Grid(subject, TASK, PROBLEMS, places_of([text], [THINK], []), answer_budget=ANSWER)
    cell = Runner(grid, model, []).run(grid.places[0], WarmClock(), Silent())
    assert [phase.model_copy(update={"measured": None}) for phase in found.phases] == cell.phases
    ledgers = [question.ledger for question in cell.questions if question.ledger]
    assert sum(ledger.flops for ledger in ledgers) == sum(p.counted.flops for p in found.phases)
    assert found.outcome is not None
    assert found.outcome.correct == cell.correct
    assert found.outcome.answers == len(PROBLEMS)

    names = [phase.name for phase in found.phases]
    assert set(names) <= set(strategy_for(text, subject).parsed().phases)
    for phase in found.phases:
        assert phase.measured is not None
        assert len(phase.measured.time_s.repeats) == 1
        assert phase.measured.time_s.median > 0
    assert [each.phase for each in found.placements[0].phases] == names
    (prediction,) = found.predictions
    assert [each.phase for each in prediction.phases] == names
    assert all(each.time_s.median > 0 for each in prediction.phases)
    assert found.unpredicted == []
    thought = [point.tokens_thought for point in found.thought]
    assert thought == sorted(set(thought))
    assert bool(thought) == ("think" in names)
    assert found.workload.strategy == text
    assert Profile.model_validate_json(found.model_dump_json()) == found


def test_a_sample_at_temperature_0_is_a_plain_profile_of_one_attempt(subject: Subject) -> None:
    """The same passes where each thought closes itself; a forced cue is one pass here and one a
    token there, so budgets are ample."""
    plain, sample = profiled(subject, None), profiled(subject, "sample:n=1,temperature=0")
    assert plain.outcome is not None
    assert sample.outcome is not None
    assert {length.stop_reason for length in plain.outcome.lengths} == {"marker"}
    assert sample.outcome.lengths == plain.outcome.lengths
    assert sample.outcome.samples == plain.outcome.samples
    for one, other in zip(sample.phases, plain.phases, strict=True):
        assert (one.name, one.tokens, one.steps) == (other.name, other.tokens, other.steps)
        assert one.counted == other.counted
        assert one.idle_slots == other.idle_slots
    counted = [point.model_copy(update={"measured_step_s": None}) for point in sample.thought]
    assert counted == [p.model_copy(update={"measured_step_s": None}) for p in plain.thought]
    assert sample.placements == plain.placements


class _Compiling:
    """How many programs are made in each stage."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self.by_stage = stack, dict[str, Clocked]()

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        self._stack.close()
        self.by_stage[what] = self._stack.enter_context(clocked())

    def advance(self, units: int, note: str = "") -> None: ...


def test_no_repeat_compiles(subject: Subject) -> None:
    """A size that no other test here has: the warm-up compiles it, the repeats do not."""
    with ExitStack() as stack:
        heard = _Compiling(stack)
        profiled(subject, "beam:n=3,width=3,step=1", 2, heard)
    warm_up = heard.by_stage["Compiling, in a first run that is not measured"]
    assert warm_up.programs > 0
    repeats = [each for name, each in heard.by_stage.items() if name.startswith("Run ")]
    assert [each.programs for each in repeats] == [0, 0]


def test_reports_show_every_phase_and_the_strategy(subject: Subject) -> None:
    longer = parse_task("sum:n=4").problems("test", 2, 0)  # so that there is cache to copy
    beam = profiled(subject, "beam:n=2,width=2,step=2", problems=longer)
    greedy = profiled(subject, "greedy")
    document = profile_document(beam)
    (table, *_) = document.section("phases").blocks
    tags = {name for name, *_ in scalars(beam)}
    for phase in ("prefill", "think", "branch", "answer"):
        assert phase in table.column("phase").values
        assert f"counted/{phase}/flops" in tags
        assert f"measured/{phase}/time_s" in tags
    assert document.subtitle.endswith("2 prompts by beam:n=2,width=2,step=2")
    workload = dict(workload_facts(beam).pairs)
    assert workload["its settings"].endswith(
        "n=2, width=2, step=2, verifier=confidence, weighted=false"
    )
    found = compare(greedy, beam)
    assert found.unlike
    assert found.total is None
    changed = {difference.field for difference in found.differences}
    assert {"strategy", "strategy_settings", "attempts", "made"} <= changed
    (recorded,) = recorded_note(beam)
    assert "branch as recorded" in recorded
    (plain,) = recorded_note(greedy)
    assert "as recorded" not in plain


def test_codesign_takes_every_phase(subject: Subject) -> None:
    """A strategy's own phases keep their steps; levers and the power of a cycle hold them too."""
    found = profiled(subject, "revision:revisions=1")
    (case,) = analyse([found], [slice_named("v5e-1")], CodesignOptions()).cases
    names = [phase.name for phase in found.phases]
    assert names == ["prefill", "think", "answer", "re-prefill", "revise"]
    assert [phase.phase for phase in case.prediction.phases] == names
    predicted = {phase.phase: phase for phase in found.predictions[0].phases}
    for phase in case.prediction.phases[3:]:
        assert phase.time_s.median == pytest.approx(predicted[phase.phase].time_s.median, rel=0.02)
        assert phase.steps == pytest.approx(predicted[phase.phase].steps)
    assert {row.phase for row in case.elasticities} == {*names, "query"}
    assert set(case.levers[0].by_phase) == set(names)
    assert [point.phase for point in case.roofline.points] == names


def test_older_profiles_load(subject: Subject) -> None:
    """What strategies added has defaults."""
    found = profiled(subject, None)
    written = found.model_dump()
    del written["workload"]["strategy"], written["workload"]["strategy_settings"]
    del written["outcome"]["answers"]
    assert Profile.model_validate(written) == found
