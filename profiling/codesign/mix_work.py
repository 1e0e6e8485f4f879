"""A mix's work for one model on one slice, summed up by phase: what a search over chips works on.

Work does not depend on the chip's rates, so it is summed once; a design is then priced by a few
terms for each workload and phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..predict.efficiency import Efficiency
from ..predict.hardware import Hardware
from ..predict.shape import Number
from ..predict.time_model import step_terms
from ..predict.work import Work
from .costs import PHASES, summed, work_steps
from .point import Point, held
from .workload_mix import MixedWorkload

SEQUENCES = tuple(float(2**n) for n in range(0, 13))
"""Attempts that run together: 1 to 4096."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MixWork:
    """Arrays [sequences, workloads, phases], or [sequences, workloads]."""

    work: Work  # of one chip, [sequences, workloads, phases]
    queries: Array  # that a batch serves: prompts with all their attempts
    thought_steps: Array  # steps of thinking; at least one
    needed_bytes: Array  # [sequences]: what one chip must hold for any of the workloads
    weight_bytes: Array  # that one chip holds
    shares: Array  # [workloads]
    narrowing: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Factors:
    """A design as factors of the reference chip's parts."""

    matrix_flops: Number
    hbm_bandwidth: Number
    on_chip_capacity: Number
    link_bandwidth: Number


def mix_work(point: Point, mix: Sequence[MixedWorkload]) -> MixWork:
    """The mix's work at each of SEQUENCES, on the point's slice and with its dtypes."""
    found = [[_one(point, each, sequences) for each in mix] for sequences in SEQUENCES]
    rows = [jax.tree.map(lambda *x: np.stack(x), *row) for row in found]
    work, queries, steps, needed, weights = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *rows)
    return MixWork(
        work=work,
        queries=queries,
        thought_steps=steps,
        needed_bytes=needed.max(1),
        weight_bytes=weights[0, 0],
        shares=jnp.asarray([each.share for each in mix]),
        narrowing=jnp.log2(point.widths.activation_bytes / point.widths.weight_bytes),
    )


def mix_times(
    mixed: MixWork, hardware: Hardware, on_chip: Number, efficiency: Efficiency, design: Factors
) -> tuple[Array, Array]:
    """Seconds of one query of the mix, and of the slowest workload's token of thought.

    Fields of `design` are numbers or arrays [...]; results are [..., sequences]. Bytes of on-chip
    memory beyond the reference chip's `on_chip` keep weights from being read.
    """
    known = jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., None, None, None], design)
    pinned = on_chip * (known.on_chip_capacity - 1) / mixed.weight_bytes
    weights = mixed.work.weight_bytes * (1 - jnp.clip(pinned, 0.0, 1.0))
    chip = replace(
        hardware,
        matmul_flops=hardware.matmul_flops * known.matrix_flops,
        memory_bandwidth=hardware.memory_bandwidth * known.hbm_bandwidth,
        link_bandwidth=hardware.link_bandwidth * known.link_bandwidth,
    )
    work = replace(mixed.work, weight_bytes=weights)
    time_s = step_terms(work, chip, efficiency, mixed.narrowing).time_s
    each = (time_s.sum(-1) / mixed.queries * mixed.shares).sum(-1)
    token = (time_s[..., PHASES.index("think")] / mixed.thought_steps).max(-1)
    return each, token


def _one(point: Point, each: MixedWorkload, sequences: float):  # type: ignore[no-untyped-def]
    """Work by phase, queries, steps of thinking, bytes needed and weights, of one workload; more
    attempts than run together go in waves, each of which reads the prompt."""
    together = min(each.attempts, sequences) if each.batch is None else each.attempts
    lengths = replace(each.lengths(sequences / together), attempts=together)
    changed = replace(point, lengths=jax.tree.map(jnp.float32, lengths))
    work, steps, room, weights = jax.device_get(_jitted(changed))
    queries = lengths.prompts * together / each.attempts
    return work, np.float32(queries), np.maximum(steps, 1.0), room, weights


@jax.jit
def _jitted(point: Point):  # type: ignore[no-untyped-def]
    steps = work_steps(point)
    known = held(point)
    sums = [summed(steps[name]) for name in PHASES]
    work = jax.tree.map(lambda *leaves: jnp.stack(leaves), *sums)
    needed = (known.weight_bytes + known.kv_bytes) * (
        point.hardware.memory_bytes / known.available_bytes
    )
    return work, jnp.sum(steps["think"].steps), needed, known.weight_bytes
