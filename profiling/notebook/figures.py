"""A record's figures as flat rows, each column named with its unit."""

from collections.abc import Sequence

from ..records import CompiledTarget, Interval, Phase, Prediction, Profile
from .frames import Row


def phases(profile: Profile) -> list[Row]:
    """Counted figures of each phase, and measured ones (None where nothing was run)."""
    return [_phase(phase) for phase in profile.phases]


def _phase(phase: Phase) -> Row:
    counted, measured = phase.counted, phase.measured
    return {
        "phase": phase.name,
        "tokens": phase.tokens,
        "steps": phase.steps,
        "flops": counted.flops,
        "hbm_bytes": counted.hbm_bytes.total,
        "weight_bytes": counted.hbm_bytes.weights,
        "kv_read_bytes": counted.hbm_bytes.kv_read,
        "kv_write_bytes": counted.hbm_bytes.kv_write,
        "activation_bytes": counted.hbm_bytes.activations,
        "flops_per_byte": counted.intensity,
        "idle_slots": phase.idle_slots,
        "measured_s": measured.time_s.median if measured else None,
        "measured_tokens_per_s": measured.tokens_per_s if measured else None,
        "bandwidth_share": measured.bandwidth_share if measured else None,
        "flops_share": measured.flops_share if measured else None,
    }


def thought(profile: Profile) -> list[Row]:
    """One decode step at each point along the thought."""
    return [
        {
            "tokens_thought": point.tokens_thought,
            "active_attempts": point.active_attempts,
            "flops": point.flops,
            "hbm_bytes": point.hbm_bytes.total,
            "weight_bytes": point.hbm_bytes.weights,
            "kv_read_bytes": point.hbm_bytes.kv_read,
            "flops_per_byte": point.flops / point.hbm_bytes.total if point.hbm_bytes.total else 0.0,
            "measured_step_s": point.measured_step_s,
        }
        for point in profile.thought
    ]


def predictions(found: Sequence[Prediction]) -> list[Row]:
    """One slice each: time with its 80 % interval, each phase's median, and a query's bill."""
    return [_prediction(each) for each in found]


def _prediction(each: Prediction) -> Row:
    bill = each.economics.per_query if each.economics else None
    return {
        "slice": each.slice,
        "chips": each.chips,
        "time_s": each.time_s.median,
        "time_low_s": each.time_s.low,
        "time_high_s": each.time_s.high,
        **{f"{phase.phase}_s": phase.time_s.median for phase in each.phases},
        **{f"{phase.phase}_bound": phase.bound for phase in each.phases},
        "usd_per_query": _median(bill.usd) if bill else None,
        "wall_j_per_query": _median(bill.wall_j) if bill else None,
        "gco2e_per_query": _median(bill.gco2e) if bill else None,
    }


def compiled(target: CompiledTarget) -> list[Row]:
    """One phase's executable each; bytes of one device over one call."""
    return [
        {
            "phase": phase.phase,
            "passes": phase.passes,
            "asked_bytes": phase.counted_bytes.total,
            "hbm_bytes": phase.hbm_bytes,
            "ratio": phase.ratio,
            "unexplained_bytes": phase.unexplained_bytes,
            "peak_memory_bytes": phase.memory.peak_bytes,
            "kernels": phase.kernels,
            "predicted_s": _median(phase.predicted_time_s),
        }
        for phase in target.phases
    ]


def _median(found: Interval | None) -> float | None:
    return found.median if found else None
