"""PhaseClock: an observer that notes when phases begin, advance and end.

Seconds of a stretch of work on this machine, with XLA's compiling told apart.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import jax.monitoring


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
        """Passes of all phases."""
        return sum(one.passes for stretches in self.stretches.values() for one in stretches)

    def begins(self, phase: str) -> None:
        """Start this phase's watch."""
        self._began = self._last = self.now()

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """Note the passes since the last report."""
        now = self.now()
        self.stretches[phase].append(Stretch(passes, now - self._last))
        self._last = now
        if self.on_progress is not None:
            self.on_progress(phase, passes, active)

    def ends(self, phase: str) -> None:
        """Stop the watch; a phase that comes again adds to its time."""
        self.time_s[phase] += self.now() - self._began


COMPILING = "/jax/core/compile/backend_compile_duration"


@dataclass
class Clocked:
    """Filled in when the stretch is over."""

    wall_s: float = 0.0
    compile_s: float = 0.0


_running: list[Clocked] = []


def _heard(event: str, duration_secs: float, **_: str | int) -> None:
    if event == COMPILING:
        for clocked in _running:
            clocked.compile_s += duration_secs


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
        timed.wall_s = time.perf_counter() - start - timed.compile_s
