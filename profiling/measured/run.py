"""Running a workload under the clock: warm-up, repeats, and the machine's limits beside them."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeVar

import jax.monitoring

from ...model.generation.attempt import Answered
from ...model.generation.engine import Engine, Observer, Questions
from ...model.generation.generate import warm_up
from ...model.phases import phase_named
from ...model.strategies.base import Strategy
from ..errors import Watcher, acknowledge, interruptible
from ..records import MachineLimits, MeasuredCost, Phase, Spread
from ..records.lenses import sum_costs
from .machine import beside, machine_limits, read_bandwidth


@dataclass(frozen=True)
class Stretch:
    """Some passes of a phase in one call of its loop, and how long they took."""

    passes: int
    time_s: float


@dataclass
class PhaseClock:
    """Listens to the sessions of a strategy, which have finished all work whenever they report.

    `on_progress(phase, passes, active)` hears of the same calls, e.g. for a progress bar.
    """

    now: Callable[[], float] = time.perf_counter
    on_progress: Callable[[str, int, int], None] | None = None
    time_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))
    _began: float = 0.0
    _last: float = 0.0

    @property
    def passes(self) -> int:
        return sum(one.passes for stretches in self.stretches.values() for one in stretches)

    def begins(self, phase: str) -> None:
        self._began = self._last = self.now()

    def advanced(self, phase: str, passes: int, active: int) -> None:
        now = self.now()
        self.stretches[phase].append(Stretch(passes, now - self._last))
        self._last = now
        if self.on_progress is not None:
            self.on_progress(phase, passes, active)

    def ends(self, phase: str) -> None:
        """Stop the watch; a phase that comes again adds to its time."""
        self.time_s[phase] += self.now() - self._began


MAKING = "/jax/core/compile/"
"""What jax.monitoring calls tracing, lowering and compiling begins so."""


@dataclass(eq=False)  # two that heard the same are two
class Clocked:
    """How long a block took, and how many times a program was traced, lowered or compiled in it."""

    wall_s: float = 0.0
    programs: int = 0


_running: list[Clocked] = []


def _heard(event: str, duration_secs: float, **_: str | int) -> None:
    if event.startswith(MAKING):
        for clocked in _running:
            clocked.programs += 1


jax.monitoring.register_event_duration_secs_listener(_heard)


@contextmanager
def clocked() -> Iterator[Clocked]:
    """Time the block; results must be on the host when it ends, as strategies' are."""
    timed = Clocked()
    _running.append(timed)
    start = time.perf_counter()
    try:
        yield timed
    finally:
        _running.remove(timed)
        timed.wall_s = time.perf_counter() - start


Batch = TypeVar("Batch", bound=Sized)


@dataclass
class WarmClock:
    """Seconds per question of those batches in which no program is made: the others wait for
    tracing, lowering or compiling somewhere, by an amount that depends on what ran before."""

    seconds: list[float] = field(default_factory=list)  # per question, batch by batch
    questions: int = 0
    whole_s: float = 0.0

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches as they come, each of them timed."""
        while True:
            with clocked() as clock:
                batch = next(batches, None)
            if batch is None:
                return
            if not clock.programs:
                self.seconds.append(clock.wall_s / len(batch))
                self.questions += len(batch)
                self.whole_s += clock.wall_s
            yield batch

    @property
    def enough(self) -> bool:
        """Whether further batches would tell little that is worth their time."""
        several = len(self.seconds) >= WARM_BATCHES and self.whole_s >= LEAST_WARM_S
        return several or self.whole_s >= MOST_WARM_S

    @property
    def spread(self) -> Spread | None:
        """Of a question's seconds over the batches; None where none was warm."""
        return _spread(self.seconds) if self.seconds else None


WARM_BATCHES, LEAST_WARM_S, MOST_WARM_S = 5, 0.25, 5.0
"""So many warm batches and seconds are enough, and so many seconds of fewer batches."""


@dataclass(frozen=True)
class Runs:
    """What the repeats gave. All repeats think the same thoughts: they share keys."""

    answered: list[Answered]  # of the last repeat
    clocks: list[list[PhaseClock]]  # [repeat][batch]
    limits: MachineLimits
    interrupted: bool

    def time_s(self, phase: str) -> Spread:
        return _spread([sum(clock.time_s[phase] for clock in repeat) for repeat in self.clocks])

    def timed(self, phases: Sequence[Phase]) -> list[Phase]:
        """`phases` with their times beside what they counted: of one that ran in the program of
        another, at that one, whose rates are then of both."""
        made = []
        for phase in phases:
            if (timed_with := phase_named(phase.name).timed_with) is not None:
                made.append(phase.model_copy(update={"timed_with": timed_with}))
                continue
            inside = [o.counted for o in phases if phase_named(o.name).timed_with == phase.name]
            counted, time_s = sum_costs([phase.counted, *inside]), self.time_s(phase.name)
            measured = MeasuredCost.of(counted, phase.tokens, time_s, self.limits)
            made.append(phase.model_copy(update={"measured": measured}))
        return made

    @property
    def first_batch_s(self) -> Spread:
        """Seconds of all phases of the first batch, repeat by repeat."""
        return _spread([sum(repeat[0].time_s.values()) for repeat in self.clocks])

    def step_times_s(self, phase: str) -> list[float | None]:
        """Seconds of each pass of the first batch: the mean over the loop call that it was in, and
        of that the median over repeats. None of all where one call made every pass, whose mean
        tells nothing of what changes from pass to pass."""
        calls = list(zip(*(repeat[0].stretches[phase] for repeat in self.clocks), strict=True))
        return [
            median(stretch.time_s for stretch in same) / same[0].passes if len(calls) > 1 else None
            for same in calls
            for _ in range(same[0].passes)
        ]


def _spread(times: list[float]) -> Spread:
    return Spread(median=median(times), low=min(times), high=max(times), repeats=times)


def run_repeats(
    engine: Engine,
    new_strategy: Callable[[], Strategy],
    batches: Sequence[Questions],
    repeats: int,
    dtype: str,
    watcher: Watcher,
) -> Runs:
    """Answer `batches` `repeats` times with a new strategy each time, after a warm-up that
    compiles; measure the machine's bandwidth on both sides.

    Phases are clocked at the borders that a session announces, with the bookkeeping between their
    calls; what a strategy does between phases (reading answers, counting votes) is in none of
    them. Ctrl-C after the first repeat ends the measurement and keeps what is finished.
    """
    with interruptible():
        watcher.stage("Measuring this machine's limits")
        limits = machine_limits(dtype)
        passes = _warm_up(engine, new_strategy(), batches, watcher)
    clocks: list[list[PhaseClock]] = []
    answered: list[Answered] = []
    interrupted = False
    for repeat in range(repeats):
        watcher.stage(f"Run {repeat + 1} of {repeats}", total=passes, unit="passes")
        try:
            with interruptible():
                answered, clock = _run_once(engine, new_strategy(), batches, watcher)
        except KeyboardInterrupt as error:
            if not clocks:
                raise
            acknowledge(error)
            interrupted = True
            break
        clocks.append(clock)
    watcher.stage("Measuring this machine's bandwidth again")
    return Runs(answered, clocks, beside(limits, read_bandwidth()), interrupted)


def _warm_up(
    engine: Engine, strategy: Strategy, batches: Sequence[Questions], watcher: Watcher
) -> int:
    """Compile every program that a repeat uses; how many passes it will make, at most.

    A lean engine's programs are known beforehand. What another one needs shows in a whole run:
    the same seed makes the same passes.
    """
    if not engine.lean:
        watcher.stage("Compiling, in a first run that is not measured", unit="passes")
        _, clocks = _run_once(engine, strategy, batches, watcher)
        return sum(clock.passes for clock in clocks)
    sizes = {len(batch.prompts): batch for batch in batches}
    watcher.stage("Compiling prefill, think and answer", total=len(sizes))
    for batch in sizes.values():
        warm_up(engine, batch, strategy.sampler, strategy.rows, strategy.reads_figures)
        watcher.advance(1)
    return len(batches) * (engine.rules.slots + 1)


def _run_once(
    engine: Engine, strategy: Strategy, batches: Sequence[Questions], watcher: Watcher
) -> tuple[list[Answered], list[PhaseClock]]:
    answered: list[Answered] = []
    clocks = []
    for batch in batches:
        clock = PhaseClock(on_progress=lambda phase, passes, active: watcher.advance(passes))
        answered += answer_batch(engine, strategy, batch, clock)
        clocks.append(clock)
    return answered, clocks


def answer_batch(
    engine: Engine, strategy: Strategy, batch: Questions, observer: Observer
) -> list[Answered]:
    return strategy.run(replace(engine, observer=observer), batch)
