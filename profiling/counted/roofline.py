"""Placement: a workload's phases on a chip's datasheet figures. A floor, never a prediction."""

import math
from collections.abc import Sequence

from ...tpu_configs.chip import Chip
from ..errors import ProfileInputError
from ..records import ChipPlacement, Phase, PhaseOnChip


def place(chip: Chip, phases: Sequence[Phase], resident_bytes: int, dtype: str) -> ChipPlacement:
    """Each phase's least time on the fewest chips that hold the workload.

    The chips are the fewest whose datasheet HBM together holds `resident_bytes` (weights and the
    largest KV cache); nothing is kept back for activations, the program or uneven shards, nor is
    the number rounded to a slice that is sold. Work and bytes are split evenly over them. Links
    between chips are ignored: a real slice also pays for communication.

    A phase's time is max(FLOPs / (chips * peak), HBM bytes / (chips * bandwidth)), both at the
    datasheet figure, over its counted matmul FLOPs and bytes; `bound` is the larger of the two,
    'compute' from the ridge on. The counted cost is a sum over the phase's steps, and the maximum
    of two sums is at most the sum of each step's maximum: with steps on both sides of the ridge
    the true roofline time is longer. Vector work is not timed.

    `dtype` is that of the matmul operands in JAX's name; where the chip has no figure for it, the
    placement's `peak_dtype` says whose figure stands in (see Chip.peak_flops).

    Raises ProfileInputError unless `resident_bytes` is above zero, and ChipInputError for a dtype
    that is not known.
    """
    if resident_bytes <= 0:
        raise ProfileInputError(
            f"resident_bytes is {resident_bytes}, expected the bytes of weights and KV cache"
        )
    peak = chip.peak_flops(dtype)
    chips = math.ceil(resident_bytes / chip.hbm_capacity_bytes)
    return ChipPlacement(
        chip=chip.name,
        chips=chips,
        resident_bytes=resident_bytes,
        hbm_capacity_bytes=chip.hbm_capacity_bytes,
        peak_flops=peak.flop_per_s,
        peak_dtype=peak.dtype,
        hbm_bandwidth=chip.hbm_bandwidth,
        ridge=chip.ridge(dtype),
        phases=[
            _phase_on_chips(phase, chips * peak.flop_per_s, chips * chip.hbm_bandwidth)
            for phase in phases
        ],
    )


def _phase_on_chips(phase: Phase, flop_per_s: float, bytes_per_s: float) -> PhaseOnChip:
    """One phase at the given rates of all chips together."""
    compute_s = phase.counted.flops / flop_per_s
    memory_s = phase.counted.hbm_bytes.total / bytes_per_s
    return PhaseOnChip(
        phase=phase.name,
        bound="compute" if compute_s >= memory_s and compute_s > 0 else "memory",
        time_at_peak_s=max(compute_s, memory_s),
    )
