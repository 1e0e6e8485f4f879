"""Seconds of a stretch of work on this machine, with XLA's compiling told apart."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax.monitoring

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
    found = Clocked()
    _running.append(found)
    start = time.perf_counter()
    try:
        yield found
    finally:
        _running.remove(found)
        found.wall_s = time.perf_counter() - start - found.compile_s
