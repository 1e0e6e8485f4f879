"""Measured lens, closer: where one traced generation spent its time, by phase and named scope."""

from typing import Literal

from pydantic import Field

from .base import Record, Spread

UNATTRIBUTED = "unattributed"
"""Stands for the phase or scope of what none claims."""


Clock = Literal["CPU threads", "TPU cores"]


class ScopeTime(Record):
    """Self time of one named scope in one phase."""

    phase: str = Field(description="think ...; 'unattributed' for work between phases")
    scope: str = Field(description="e.g. 'attention/projections'; 'unattributed' where unknown")
    self_time_s: float = Field(description="thread-seconds (device-seconds on a TPU)")


class Trace(Record):
    """One generation of the first batch under jax.profiler: never one of the timed ones.

    Thread time is that in which a thread of XLA's pools executes something: a thunk (one
    instruction of a compiled program), what a thunk hands to other threads, or the executor
    between thunks. Idle threads and those that wait for others are not counted, so that two busy
    threads make two thread-seconds a second. Self time of an instruction is the thread time in it
    less that in the instructions inside it, a loop's body for instance. On a TPU the same is said
    of the operations on its cores, as the device itself timed them.
    """

    session: str | None = Field(
        description="folder of XProf's session inside the run's folder; None where nothing is kept"
    )
    clock: Clock | None = Field(description="whose time `scopes` hold; None where there are none")
    lines: int = Field(description="threads or cores that worked")
    scopes: list[ScopeTime] = Field(description="largest first; empty where `problem` says why")
    dispatch_s: float = Field(
        description="of the unattributed time, XLA's executor and loops themselves: no scope's work"
    )
    traced_s: float | None = Field(description="wall time of the traced generation's phases")
    untraced_s: Spread | None = Field(
        description="the same phases of the same batch in the timed runs, without a trace"
    )
    problem: str | None = Field(default=None, description="what is missing and why, in a sentence")

    @property
    def thread_s(self) -> float:
        """All self time together: thread time."""
        return sum(row.self_time_s for row in self.scopes)

    @property
    def attributed_share(self) -> float:
        """Share of thread time with a phase and a scope."""
        attributed_s = sum(
            row.self_time_s for row in self.scopes if UNATTRIBUTED not in (row.phase, row.scope)
        )
        return attributed_s / self.thread_s if self.thread_s else 0.0

    @property
    def overhead(self) -> float | None:
        """What tracing added to the untraced median, as a share of it; None where not known.

        Below 0 where the machine's own noise is larger than what tracing costs.
        """
        if not self.traced_s or not self.untraced_s:
            return None
        return self.traced_s / self.untraced_s.median - 1
