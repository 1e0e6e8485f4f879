"""The clock of an evaluation: what it takes to make programs is in no time that is kept."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest

from rooflink.profiling.measured import run
from rooflink.profiling.measured.run import Clocked, WarmClock, clocked


def asked(program: "jax.stages.Wrapped", sizes: list[int]) -> Iterator[list[float]]:
    """Batches of so many questions; a program is made for each size."""
    for size in sizes:
        yield [float(x) for x in program(jnp.zeros(size))]


def test_a_batch_that_makes_a_program_is_not_timed() -> None:
    clock = WarmClock()
    batches = list(clock.timed(asked(jax.jit(lambda x: x + 1), [3, 3, 5, 3, 5])))
    assert [len(batch) for batch in batches] == [3, 3, 5, 3, 5], "each is an answer all the same"
    assert len(clock.seconds) == 3
    assert clock.questions == 3 + 3 + 5


def test_tracing_alone_is_heard() -> None:
    with clocked() as timed:
        jax.eval_shape(jax.jit(lambda x: x * 2), jnp.zeros(7))
    assert timed.programs > 0


def test_the_spread_is_of_seconds_per_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 2 in 4 s, 2 in 2 s and 1 in 3 s."""
    ticks = iter([0.0, 4.0, 10.0, 12.0, 20.0, 23.0, 30.0, 30.0])
    monkeypatch.setattr(run.time, "perf_counter", lambda: next(ticks))
    clock = WarmClock()
    assert clock.spread is None
    list(clock.timed(iter([[1, 2], [3, 4], [5]])))
    spread = clock.spread
    assert spread is not None
    assert spread.repeats == [2.0, 1.0, 3.0]
    assert (spread.median, spread.low, spread.high) == (2.0, 1.0, 3.0)
    assert clock.enough, "nine seconds of it"


def test_blocks_inside_each_other_both_hear() -> None:
    outer: Clocked
    with clocked() as outer, clocked() as inner:
        jax.jit(lambda x: x - 1)(jnp.zeros(11)).block_until_ready()
    assert outer.programs == inner.programs > 0
