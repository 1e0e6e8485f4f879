"""A phase that nobody had heard of, by one entry in the list and the strategy that makes it."""

import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest

from rooflink.model.generation.attempt import Answered, answered
from rooflink.model.generation.engine import Engine, Questions
from rooflink.model.generation.generate import answer, attempts_of, conclude, think
from rooflink.model.generation.session import open_session
from rooflink.model.phases import PHASES, THINK_AND_ANSWER, Phase
from rooflink.model.strategies import registry
from rooflink.model.strategies.base import Strategy
from rooflink.model.tasks import parse_task
from rooflink.profiling.co_design.analyse import CodesignOptions, analyse
from rooflink.profiling.compiled import compile
from rooflink.profiling.compiled.spec import parse_target
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.names import slice_named
from rooflink.profiling.profiler import profile
from rooflink.profiling.records import Profile
from rooflink.profiling.reports import theme
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.strategy_request import strategy_for
from rooflink.profiling.workload import Request
from rooflink.tpu_configs.catalog import load_chip

PONDER = "ponder"
ENTRY = Phase(PONDER, "ponder", "Pondering", 9, "#123456", "#abcdef", "decode")
WORKER = f"""
from rooflink.model.phases import PHASES, Phase
from rooflink.profiling.compiled.worker import main
PHASES[{PONDER!r}] = {ENTRY!r}
main()
"""


@dataclass(frozen=True)
class Pondering(Strategy):
    """Thinks two tokens, and ponders for the rest of the thought."""

    name: ClassVar[str] = "pondering"
    summary: ClassVar[str] = "a thought in two phases"
    phases: ClassVar[tuple[str, ...]] = ("prefill", "think", PONDER, "answer")

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1)
        think(session, self.sampler, budget=2)
        stop = think(session, self.sampler, phase=PONDER)
        conclude(session, stop, PONDER)
        thought = session.trace.length.copy()
        answer(session, self.sampler)
        found = attempts_of(session, thought, stop)
        return [answered(attempts, 0, session.log) for attempts in found]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Profile:
    """The reasoner's profile by the strategy, with the compiled lens of this CPU."""
    monkeypatch.setitem(PHASES, PONDER, ENTRY)  # type: ignore[arg-type]
    monkeypatch.setattr(compile, "WORKER", (sys.executable, "-c", WORKER))
    colours = (ENTRY.colour, ENTRY.dark_colour)  # the palette takes them as it is imported
    monkeypatch.setitem(theme.COLOURS, f"phase-{PONDER}", colours)
    monkeypatch.setattr(registry, "STRATEGIES", (*registry.STRATEGIES, Pondering))
    subject = resolve_subject("reasoner", "own", None)
    request = Request(
        problems=parse_task("sum:n=4").problems("test", 2, 0),
        think_budget=8,
        answer_budget=3,
        attempts=1,
        strategy=strategy_for("pondering", subject),
    )
    return profile(subject, request, [load_chip("v5e")], 1, targets=[parse_target("cpu")])


def test_a_new_phase_comes_through_every_lens_and_report(found: Profile) -> None:
    names = ["prefill", "think", PONDER, "answer"]
    assert [phase.name for phase in found.phases] == names
    pondered = found.phases[2]
    assert pondered.counted.flops > 0
    assert pondered.steps > 1
    assert pondered.measured is not None
    assert pondered.measured.time_s.median > 0
    assert [phase.phase for phase in found.predictions[0].phases] == names
    assert [phase.phase for phase in found.placements[0].phases] == names
    (compiled,) = found.compiled
    assert [phase.phase for phase in compiled.phases] == names
    assert compiled.phases[2].hbm_bytes > 0
    assert compiled.phases[2].counted_flops == compiled.phases[1].counted_flops

    (case,) = analyse([found], [slice_named("v5e-1")], CodesignOptions()).cases
    assert PONDER in case.levers[0].by_phase
    table = profile_document(found).section("phases").blocks[0]
    assert PONDER in table.column("phase").values  # type: ignore[union-attr]
    assert theme.phase(PONDER).doing == "Pondering"
    assert set(THINK_AND_ANSWER) < set(PHASES)
