"""Work: what a stretch of a thread's or core's time was spent on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Op:
    """An instruction of a program, as the trace and the program's own HLO both name it."""

    program: int
    name: str


@dataclass(frozen=True)
class Work:
    """Self time that began at `start_ps`; `op` is None for the executor's own."""

    start_ps: int
    self_ps: int
    op: Op | None
