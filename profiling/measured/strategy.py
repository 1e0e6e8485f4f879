"""Running a strategy under the clock: the same questions, answered again and again."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...model.generate import Batch, Observer
from ...model.generation.attempt import Answered
from ...model.generation.engine import Engine, Questions
from ...model.strategies.base import Strategy
from ..progress import Watcher
from .clock import PhaseClock
from .run import Runs, repeated


def run_strategy(
    engine: Engine,
    strategy: Callable[[], Strategy],
    batches: Sequence[Batch],
    repeats: int,
    dtype: str,
    watcher: Watcher,
) -> Runs[Answered]:
    """Answer `batches` `repeats` times with a new `strategy` each time, after a warm-up.

    The warm-up is a whole run: the same seed makes the same passes, so that each program that a
    repeat uses is compiled before it. Phases are clocked at the borders that a session announces,
    with the bookkeeping between their calls; what a strategy does between phases (reading answers,
    counting votes) is in none of them.
    """
    passes: list[int] = []

    def once(name: str) -> tuple[list[Answered], list[PhaseClock]]:
        watcher.stage(name, total=passes[0] if passes else None, unit="passes")
        asked, found, clocks = strategy(), [], []
        for batch in batches:
            clock = PhaseClock(on_progress=lambda phase, made, active: watcher.advance(made))
            found += answer_batch(engine, asked, batch, clock)
            clocks.append(clock)
        passes.append(sum(clock.passes for clock in clocks))
        return found, clocks

    def warm_up() -> None:
        once("Compiling, in a first run that is not measured")

    return repeated(warm_up, once, repeats, dtype, watcher)


def answer_batch(
    engine: Engine, strategy: Strategy, batch: Batch, observer: Observer
) -> list[Answered]:
    """Answers to one batch; `observer` hears of the phases."""
    numbers = range(batch.first_index, batch.first_index + len(batch.prompts))
    return strategy.run(replace(engine, observer=observer), Questions(batch.prompts, numbers))
