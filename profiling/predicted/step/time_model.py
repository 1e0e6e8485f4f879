"""Time of a step from its work: compute, memory, on-chip and link terms, and fixed overheads.

The terms are a roofline's (Williams et al. 2009) at achieved shares of the datasheet, joined by a
p-norm because real kernels overlap them only in part, and what a stack adds to each kernel,
collective, sequence and step.
"""

from dataclasses import dataclass

from ...records.prediction import PredictedBound
from .. import arrays
from ..arrays import Number, of_numbers
from ..phase_terms import RESOURCES
from .hardware import Efficiency, Hardware
from .work import Work

BOUNDS = tuple(RESOURCES.values())
_LEAST_S = 1e-18
"""Its square is still a float32, which the derivative of a phase without work needs."""


@of_numbers
@dataclass(frozen=True)
class Terms:
    """Seconds that each resource would take by itself, and the seconds of the whole."""

    compute_s: Number
    memory_s: Number
    on_chip_s: Number
    links_s: Number
    overhead_s: Number
    time_s: Number

    @property
    def by_bound(self) -> tuple[Number, ...]:
        """Seconds by themselves, in the order of BOUNDS."""
        return tuple(getattr(self, f"{resource}_s") for resource in RESOURCES)


def step_terms(
    work: Work, hardware: Hardware, efficiency: Efficiency, narrowing: Number = 0.0
) -> Terms:
    """The terms of one step (or of a sum of like steps).

    `narrowing` is log2(operand width / weight width): 1 for int8 weights with bfloat16 operands.
    """
    peak = hardware.matmul_flops
    matmul_s = work.padded_flops / (peak * efficiency.compute)
    attention_s = work.attention_flops / (peak * efficiency.attention)
    blocks_s = work.blocks / hardware.cores * efficiency.block_s
    compute_s = matmul_s + arrays.maximum(attention_s, blocks_s)
    narrower = arrays.maximum(narrowing, 0.0)
    weight_share = efficiency.memory * 2.0 ** (-efficiency.narrow * narrower)
    read_bytes = work.weight_bytes + efficiency.idle_experts * work.idle_expert_bytes
    read_s = read_bytes / (hardware.memory_bandwidth * weight_share)
    routed_s = work.routed * efficiency.routed_s  # each is written and read, besides its row
    kv_bytes = work.kv_bytes + efficiency.narrow_kv * work.narrow_kv_bytes
    other_bytes = kv_bytes / efficiency.kv + work.activation_bytes
    other_s = other_bytes / (hardware.memory_bandwidth * efficiency.memory)
    vector_s = work.vector_bytes / (hardware.memory_bandwidth * efficiency.vector)
    memory_s = read_s + other_s + vector_s + routed_s
    on_chip_s = work.on_chip_bytes / hardware.on_chip_bandwidth
    through_s = work.link_bytes / (hardware.link_bandwidth * efficiency.links)
    links_s = _piped(through_s, work.stages * efficiency.ramp_s) + work.hops * hardware.hop_s
    overhead_s = (
        work.kernels * efficiency.kernel_s
        + work.collectives * efficiency.collective_s
        + work.dispatches * efficiency.dispatch_s
        + work.sequences * efficiency.sequence_s
        + work.steps * efficiency.step_s
    )
    core_s = _overlapped(compute_s, memory_s, on_chip_s, efficiency.overlap)
    exposed_s = efficiency.exposed_links * links_s
    # What of the links is hidden still takes its time where it is the longest.
    hidden_s = (1 - efficiency.exposed_links) * links_s
    time_s = arrays.maximum(core_s, hidden_s) + exposed_s + overhead_s
    return Terms(compute_s, memory_s, on_chip_s, links_s, overhead_s, time_s)


def bound(terms: Terms) -> PredictedBound:
    """The resource whose own time is longest: what more of it would help first."""
    return max(zip(terms.by_bound, BOUNDS, strict=True), key=lambda term: float(term[0]))[1]


def _piped(through_s: Number, ramp_s: Number) -> Number:
    """Data in parts, so many that filling the stages and the parts' own cost take least together:
    (sqrt(through) + sqrt(ramp))^2 (Sanders et al. 2009, 'Two-tree algorithms', section 2)."""
    return through_s + ramp_s + 2 * (arrays.sqrt(through_s * ramp_s + _LEAST_S**2) - _LEAST_S)


def _overlapped(first_s: Number, second_s: Number, third_s: Number, power: Number) -> Number:
    """(sum t^p)^(1/p), scaled by the largest so that no power of it is lost."""
    shorter = arrays.minimum(first_s, second_s)
    longer = arrays.maximum(arrays.maximum(first_s, second_s), _LEAST_S)
    longest = arrays.maximum(longer, third_s)
    middle = arrays.minimum(longer, arrays.maximum(shorter, third_s))
    shortest = arrays.minimum(shorter, third_s)
    whole = arrays.isinf(power)
    p = arrays.where(whole, 1.0, power)
    # By exp and log, which XLA computes for many numbers at once on a CPU, as it does no powers.
    others = sum(
        arrays.exp(p * arrays.log(arrays.maximum(time_s, _LEAST_S) / longest))
        for time_s in (middle, shortest)
    )
    return arrays.where(whole, longest, longest * arrays.exp(arrays.log1p(others) / p))
