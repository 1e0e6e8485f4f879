"""FLOPs shared out over rows, by the matmuls found in a program."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rooflink.profiling.compiled.hlo.proto import is_whole, parse_module
from rooflink.profiling.compiled.xprof import PhaseProgram
from rooflink.profiling.compiled.xprof.op_metrics import matmul_flops
from rooflink.profiling.compiled.xprof.timeline import row_flops

ToProto = Callable[[str], bytes]

BATCHED = """HloModule batched
ENTRY main {
  x = bf16[8,16,64] parameter(0)
  w = bf16[8,64,32] parameter(1)
  ROOT dot = bf16[8,16,32] dot(x, w), lhs_batch_dims={0}, rhs_batch_dims={0},
    lhs_contracting_dims={2}, rhs_contracting_dims={1}
}
"""
# As a TPU's compiler writes it: batch is a spatial axis, and dilation lets each of its rows meet
# but the same row of the other operand.
AS_CONVOLUTION = """HloModule as_convolution
ENTRY main {
  x = bf16[8,16,64] parameter(0)
  w = bf16[8,64,32] parameter(1)
  ROOT dot = bf16[8,16,32] convolution(x, w), window={size=8 stride=7 lhs_dilate=8},
    dim_labels=0bf_0io->0bf
}
"""
MATRIX_VECTOR = """HloModule matrix_vector
add {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT sum = f32[] add(a, b)
}
fused {
  x = f32[64] parameter(0)
  w = f32[64,32] parameter(1)
  wide = f32[64,32] broadcast(x), dimensions={0}
  product = f32[64,32] multiply(wide, w)
  zero = f32[] constant(0)
  ROOT sums = f32[32] reduce(product, zero), dimensions={0}, to_apply=add
}
ENTRY main {
  x = f32[64] parameter(0)
  w = f32[64,32] parameter(1)
  zero.1 = f32[] constant(0)
  no_matmul = f32[32] reduce(w, zero.1), dimensions={0}, to_apply=add
  fusion = f32[32] fusion(x, w), kind=kLoop, calls=fused
  ROOT both = f32[32] add(no_matmul, fusion)
}
"""


@pytest.mark.parametrize("text", [BATCHED, AS_CONVOLUTION])
def test_a_batched_dot_counts_the_same_as_a_convolution(text: str, to_proto: ToProto) -> None:
    assert matmul_flops(parse_module(to_proto(text))) == {"dot": 2 * 8 * 16 * 64 * 32}


def test_padding_and_strides_of_a_real_convolution(to_proto: ToProto) -> None:
    """9 outputs of a window of 3, 2 apart, over 16 inputs with one of padding before and after:
    the first and the last output miss one of their three."""
    text = """HloModule strided
ENTRY main {
  x = f32[1,16,4] parameter(0)
  w = f32[3,4,5] parameter(1)
  ROOT c = f32[1,9,5] convolution(x, w), window={size=3 stride=2 pad=1_2}, dim_labels=b0f_0io->b0f
}
"""
    inputs = range(16)
    meets = sum(2 * out + k - 1 in inputs for out in range(9) for k in range(3))
    assert matmul_flops(parse_module(to_proto(text))) == {"c": 2 * meets * 4 * 5}


def test_a_summed_product_is_a_matmul_and_a_sum_is_none(to_proto: ToProto) -> None:
    flops = matmul_flops(parse_module(to_proto(MATRIX_VECTOR)))
    assert flops == {"fusion": 2 * 64 * 32, "sums": 2 * 64 * 32}


def test_a_module_with_more_around_it_is_told_from_a_bare_one(to_proto: ToProto) -> None:
    bare = to_proto(BATCHED)
    whole = b"\x0a" + bytes((len(bare) & 0x7F | 0x80, len(bare) >> 7)) + bare
    assert not is_whole(bare)
    assert is_whole(whole)
    assert matmul_flops(parse_module(whole)) == matmul_flops(parse_module(bare))


def test_rows_get_flops_by_their_matmuls(phases: list[PhaseProgram]) -> None:
    """dot: 8*256*256 terms, scores: 8*8*256, each in a loop of four."""
    copy, dot, scores, compare = row_flops(phases[0])
    assert (copy, compare) == (0, 0)
    assert dot + scores == phases[0].flops
    assert dot / scores == pytest.approx(256 / 8, rel=1e-6)


def test_a_program_without_matmuls_shares_by_bytes(
    phases: list[PhaseProgram], to_proto: ToProto
) -> None:
    rows = phases[0].traffic.rows[:1] + phases[0].traffic.rows[3:]
    traffic = replace(phases[0].traffic, rows=rows)
    phase = replace(phases[0], traffic=traffic, hlo_proto=to_proto(MATRIX_VECTOR))
    assert row_flops(phase) == [phase.flops, 0]
