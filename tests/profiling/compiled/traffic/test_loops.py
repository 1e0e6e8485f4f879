"""Trip counts: left by the compiler, derived from conditions, given, or said to be unknown."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from hlo_text import module_of_text

from rooflink.profiling.compiled.hlo.module import Module
from rooflink.profiling.compiled.hlo.proto import parse_module
from rooflink.profiling.compiled.traffic.walk import module_traffic

COUNTING = """HloModule counting
add_one {{
  carry = (s32[], s32[], f32[64]) parameter(0)
  i = s32[] get-tuple-element(carry), index=0
  bound = s32[] get-tuple-element(carry), index=1
  x = f32[64] get-tuple-element(carry), index=2
  step = s32[] constant({step})
  next = s32[] add(i, step)
  y = f32[64] negate(x)
  ROOT out = (s32[], s32[], f32[64]) tuple(next, bound, y)
}}
goes_on {{
  carry = (s32[], s32[], f32[64]) parameter(0)
  i = s32[] get-tuple-element(carry), index=0
  bound = s32[] get-tuple-element(carry), index=1
  {condition}
}}
ENTRY main {{
  x = f32[64] parameter(0)
  n = s32[] parameter(1)
  start = s32[] constant({start})
  end = s32[] constant(10)
  stop = s32[] copy({end})
  carry = (s32[], s32[], f32[64]) tuple(start, stop, x)
  loop = (s32[], s32[], f32[64]) while(carry), condition=goes_on, body=add_one
  ROOT y = f32[64] get-tuple-element(loop), index=2
}}
"""


def counting(condition: str, start: int = 0, step: int = 1, end: str = "end") -> Module:
    text = COUNTING.format(condition=condition, start=start, step=step, end=end)
    return module_of_text(text)


@pytest.mark.parametrize(
    ("condition", "start", "step", "trips"),
    [
        ("ROOT c = pred[] compare(i, bound), direction=LT", 0, 1, 10),
        ("ROOT c = pred[] compare(i, bound), direction=LE", 0, 1, 11),
        ("ROOT c = pred[] compare(bound, i), direction=GT", 0, 3, 4),
        ("ROOT c = pred[] compare(i, bound), direction=NE", 0, 2, 5),
        ("ROOT c = pred[] compare(i, bound), direction=GE", 12, -1, 3),
        ("ROOT c = pred[] compare(i, bound), direction=LT", 10, 1, 0),
        ("d = pred[] compare(i, bound), direction=GE\n ROOT c = pred[] not(d)", 0, 1, 10),
    ],
)
def test_derived(condition: str, start: int, step: int, trips: int) -> None:
    traffic = module_traffic(counting(condition, start, step))
    (loop,) = traffic.loops
    assert (loop.trips, loop.source, loop.early_exit) == (trips, "derived", False)
    (negate,) = (row for row in traffic.rows if row.opcode == "negate")
    assert negate.times == trips
    assert negate.bytes() == trips * 2 * 64 * 4
    assert not traffic.unresolved_loops


def test_unknown_bound_is_said_and_counted_once() -> None:
    program = counting("ROOT c = pred[] compare(i, bound), direction=LT", end="n")
    traffic = module_traffic(program)
    (loop,) = traffic.unresolved_loops
    assert loop.trips == 1
    assert "comes from n" in loop.reason
    given = module_traffic(program, trips={"loop": 7})
    assert [(loop.trips, loop.source) for loop in given.loops] == [(7, "given")]
    assert not given.unresolved_loops


def test_a_condition_on_data_alone_is_unknown() -> None:
    (loop,) = module_traffic(counting("ROOT c = pred[] compare(i, i), direction=EQ")).loops
    assert loop.source == "unknown"


def compiled(function: Callable[..., jax.Array], *arguments: jax.ShapeDtypeStruct) -> Module:
    executable = jax.jit(function).lower(*arguments).compile().runtime_executable()
    assert executable is not None
    return parse_module(executable.hlo_modules()[0].as_serialized_hlo_module_proto())


def test_nested_loops_multiply_on_cpu() -> None:
    def nested(x: jax.Array) -> jax.Array:
        def inner(_: jax.Array, y: jax.Array) -> jax.Array:
            with jax.named_scope("product"):
                y = y @ x
            return jnp.sin(y)

        return jax.lax.fori_loop(0, 3, lambda _, y: jax.lax.fori_loop(0, 5, inner, y), x)

    traffic = module_traffic(compiled(nested, jax.ShapeDtypeStruct((64, 64), jnp.float32)))
    assert sorted(loop.trips for loop in traffic.loops) == [3, 5]
    (product,) = [row for row in traffic.rows if row.scope == "product"]
    assert product.times == 15
    assert product.bytes() == 15 * 3 * 64 * 64 * 4


def test_early_exit_counts_to_the_bound() -> None:
    """As the model's own decode loop: until the steps are done or no attempt is active. Where its
    trips are expected otherwise, as those over experts are, they are given by its scope."""

    @jax.named_scope("think/experts")
    def decode(x: jax.Array, active: jax.Array) -> jax.Array:
        def once(carry: tuple) -> tuple:
            done, active, y = carry
            y = jnp.sin(y @ x)
            return done + 1, active & (y.sum() > 0), y

        return jax.lax.while_loop(
            lambda carry: (carry[0] < 12) & carry[1].any(), once, (jnp.int32(0), active, x)
        )[2]

    shapes = jax.ShapeDtypeStruct((64, 64), jnp.float32), jax.ShapeDtypeStruct((4,), jnp.bool)
    program = compiled(decode, *shapes)
    (loop,) = module_traffic(program).loops
    assert (loop.trips, loop.early_exit, loop.source) == (12, True, "derived")
    (loop,) = module_traffic(program, trips={"experts": 7.4}).loops
    assert (loop.trips, loop.early_exit, loop.source) == (7, False, "given")
