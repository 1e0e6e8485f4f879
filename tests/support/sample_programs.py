"""Two phases of a small program, with traffic made by hand: every figure can be checked."""

from hlo_text import proto_of_text

from rooflink.profiling.compiled.traffic.traffic import (
    HBM,
    Access,
    Direction,
    InstructionTraffic,
    Loop,
    ModuleTraffic,
)
from rooflink.profiling.compiled.xprof import PhaseProgram

THINK = """HloModule jit_think, is_scheduled=true

body {
  p.1 = (s32[], bf16[8,256], bf16[4,256,256]) parameter(0)
  i.1 = s32[] get-tuple-element(p.1), index=0
  x.1 = bf16[8,256] get-tuple-element(p.1), index=1
  w.1 = bf16[4,256,256] get-tuple-element(p.1), index=2
  one.1 = s32[] constant(1)
  next.1 = s32[] add(i.1, one.1)
  zero.1 = s32[] constant(0)
  slice.1 = bf16[1,256,256] dynamic-slice(w.1, i.1, zero.1, zero.1), dynamic_slice_sizes={1,256,256}
  layer.1 = bf16[256,256] reshape(slice.1)
  dot.1 = bf16[8,256] dot(x.1, layer.1), lhs_contracting_dims={1}, rhs_contracting_dims={0},
    metadata={op_name="jit(think)/think/while/body/mlp/dot_general"}
  scores.1 = bf16[8,8] dot(dot.1, dot.1), lhs_contracting_dims={1}, rhs_contracting_dims={1},
    metadata={op_name="jit(think)/think/while/body/attention/scores/dot_general"}
  ROOT t.1 = (s32[], bf16[8,256], bf16[4,256,256]) tuple(next.1, dot.1, w.1)
}

condition {
  p.2 = (s32[], bf16[8,256], bf16[4,256,256]) parameter(0)
  i.2 = s32[] get-tuple-element(p.2), index=0
  four.2 = s32[] constant(4)
  ROOT less.2 = pred[] compare(i.2, four.2), direction=LT
}

ENTRY main {
  start = s32[] constant(0)
  x = bf16[8,256] parameter(0)
  w = bf16[4,256,256] parameter(1)
  copy.1 = bf16[8,256] copy(x)
  t = (s32[], bf16[8,256], bf16[4,256,256]) tuple(start, copy.1, w)
  while.1 = (s32[], bf16[8,256], bf16[4,256,256]) while(t), condition=condition, body=body
  ROOT result = bf16[8,256] get-tuple-element(while.1), index=1
}
"""
LOOP_TRIPS = 4


def row(
    name: str,
    opcode: str,
    moved: dict[tuple[Direction, str], int],
    scope: str = "mlp",
    phase: str = "think",
    loops: tuple[str, ...] = (),
) -> InstructionTraffic:
    """A row that moves so many bytes by direction and memory at each execution."""
    accesses = tuple(
        Access(direction, space, "weights", size, size)
        for (direction, space), size in moved.items()
    )
    return InstructionTraffic(
        name=name, opcode=opcode, phase=phase, scope=scope, inherited=False,
        times=LOOP_TRIPS if loops else 1, accesses=accesses, cycles=100, loops=loops, arguments=(),
    )  # fmt: skip


def traffic(phase: str, scale: int) -> ModuleTraffic:
    """A copy, then a loop over four layers with two matmuls, `scale` times as large."""
    inside = ("while.1",)
    rows = (
        row("copy.1", "copy", {("read", HBM): 4096 * scale, ("write", HBM): 4096 * scale},
            "unattributed", "unattributed"),
        row("dot.1", "dot", {("read", HBM): 131072 * scale, ("read", "VMEM"): 4096 * scale,
            ("write", "VMEM"): 4096 * scale}, "mlp", phase, inside),
        row("scores.1", "dot", {("write", HBM): 128 * scale, ("read", "SMEM"): 8},
            "attention/scores", phase, inside),
        row("less.2", "compare", {}, "unattributed", phase, inside),
    )  # fmt: skip
    loop = Loop("while.1", LOOP_TRIPS, "derived", False, "", 1, "mlp")
    return ModuleTraffic(f"jit_{phase}", rows, (loop,), (), ())


def two_phases() -> list[PhaseProgram]:
    """Prefill and think; FLOPs that no whole number of executions divides."""
    prefill, think = proto_of_text(THINK.replace("think", "prefill")), proto_of_text(THINK)
    return [
        PhaseProgram("prefill", traffic("prefill", 7), 10**9 + 1, prefill),
        PhaseProgram(
            "think", traffic("think", 1000), 4 * 10**6 + 3, think, passes=64,
        ),
    ]  # fmt: skip
