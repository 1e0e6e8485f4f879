"""Running a workload under the clock: warm-up, repeats, and the machine's limits beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from ...model.generate import Attempt, Batch, Observer, generate, warm_up
from ...model.transformer import Transformer
from ..progress import Watcher
from ..records import MachineLimits, Spread
from ..workload import Plan
from .clock import PhaseClock
from .machine import better, measure_limits

Result = TypeVar("Result")


@dataclass(frozen=True)
class Runs(Generic[Result]):
    """What the repeats gave. All repeats think the same thoughts: they share keys."""

    results: list[Result]  # of the last repeat: attempts, or a strategy's answers
    clocks: list[list[PhaseClock]]  # [repeat][batch]
    limits: MachineLimits
    interrupted: bool

    def time_s(self, phase: str) -> Spread:
        """Seconds of a phase over all batches, repeat by repeat."""
        return _spread([sum(clock.time_s[phase] for clock in repeat) for repeat in self.clocks])

    @property
    def first_batch_s(self) -> Spread:
        """Seconds of all phases of the first batch, repeat by repeat."""
        return _spread([sum(repeat[0].time_s.values()) for repeat in self.clocks])

    def step_times_s(self, phase: str) -> list[float]:
        """Seconds of each pass of the first batch: the mean over the loop call that it was in,
        and of that the median over repeats."""
        calls = zip(*(repeat[0].stretches[phase] for repeat in self.clocks), strict=True)
        return [
            median(stretch.time_s for stretch in same) / same[0].passes
            for same in calls
            for _ in range(same[0].passes)
        ]


def _spread(times: list[float]) -> Spread:
    return Spread(median=median(times), low=min(times), high=max(times), repeats=times)


def run_repeats(
    model: Transformer, plan: Plan, repeats: int, dtype: str, watcher: Watcher
) -> Runs[Attempt]:
    """Run the plan `repeats` times; see `repeated`."""
    return repeated(
        lambda: _warm_up(model, plan, watcher),
        lambda name: _run_once(model, plan, name, watcher),
        repeats,
        dtype,
        watcher,
    )


def repeated(
    warm_up: Callable[[], None],
    once: Callable[[str], tuple[list[Result], list[PhaseClock]]],
    repeats: int,
    dtype: str,
    watcher: Watcher,
) -> Runs[Result]:
    """Run `once`, told its name, `repeats` times after a warm-up that compiles; measure limits on
    both sides. It gives its results and a clock for each batch.

    Ctrl-C after the first repeat ends the measurement and keeps what is finished.
    """
    watcher.stage("Measuring this machine's limits")
    limits = measure_limits(dtype)
    warm_up()
    clocks: list[list[PhaseClock]] = []
    results: list[Result] = []
    interrupted = False
    for repeat in range(repeats):
        try:
            results, clock = once(f"Run {repeat + 1} of {repeats}")
        except KeyboardInterrupt:
            if not clocks:
                raise
            interrupted = True
            break
        clocks.append(clock)
    watcher.stage("Measuring this machine's limits again")
    return Runs(results, clocks, better(limits, measure_limits(dtype)), interrupted)


def _warm_up(model: Transformer, plan: Plan, watcher: Watcher) -> None:
    sizes = {len(batch.prompts): batch for batch in plan.batches}
    watcher.stage("Compiling prefill, think and answer", total=len(sizes))
    for batch in sizes.values():
        request = plan.request
        warm_up(model, batch, plan.rules, request.sampler, request.attempts, plan.prompt_slots)
        watcher.advance(1)


def _run_once(
    model: Transformer, plan: Plan, name: str, watcher: Watcher
) -> tuple[list[Attempt], list[PhaseClock]]:
    passes_ahead = len(plan.batches) * (plan.rules.slots + 1)
    watcher.stage(name, total=passes_ahead, unit="passes")
    attempts: list[Attempt] = []
    clocks = []
    for batch in plan.batches:
        clock = PhaseClock(on_progress=lambda phase, passes, active: watcher.advance(passes))
        attempts += run_batch(model, plan, batch, clock)
        clocks.append(clock)
    return attempts, clocks


def run_batch(model: Transformer, plan: Plan, batch: Batch, observer: Observer) -> list[Attempt]:
    """Attempts at one batch of `plan`; `observer` hears of its phases."""
    request = plan.request
    return generate(
        model, batch, plan.rules, request.sampler, request.attempts, request.seed,
        plan.prompt_slots, observer,
    )  # fmt: skip
