"""What a phase's program was asked to move: the counted lens, spread over a mesh.

The least that one device must move is taken as an even share: weights over the model axis (each
data-parallel group reads its own), keys, values and activations over all devices. What a mesh
cannot split evenly, such as KV heads fewer than devices, is then an excess with a name.
"""

from dataclasses import dataclass

import numpy as np

from ..counted.passes import Passes, decode_passes, prefill_passes
from ..counted.unit import unit_costs
from ..record import CountedCost, HbmBytes
from .spec import PhaseName, ProgramSpec


@dataclass(frozen=True)
class Asked:
    """The counted cost of one call of a phase's program, for one device."""

    hbm: HbmBytes
    flops: int
    replicated_kv_bytes: int  # of KV that other devices of the model axis move as well
    empty_kv_bytes: int  # of cache slots that are allocated and hold nothing yet


def asked(spec: ProgramSpec, phase: PhaseName) -> Asked:
    """Counted bytes and FLOPs of one device in one call."""
    unit = unit_costs(spec.config, spec.dtype)
    passes = phase_passes(spec, phase)
    cost = passes.total(unit)
    split = spec.split
    kv_bytes = cost.hbm_bytes.kv_read + cost.hbm_bytes.kv_write
    holders = split.data * split.kv  # devices that hold different KV
    empty = _allocated_positions(spec, phase) - int(passes.cached.sum())
    return Asked(
        hbm=_share(cost, split.model, split.devices),
        flops=cost.flops // split.devices,
        replicated_kv_bytes=kv_bytes // holders - kv_bytes // split.devices,
        empty_kv_bytes=max(empty, 0) * unit.kv_bytes // holders,
    )


def phase_passes(spec: ProgramSpec, phase: PhaseName) -> Passes:
    """The passes of one call, with every attempt at work from the first to the last."""
    lengths = [spec.prompt_slots] * spec.batch
    if phase == "prefill":
        return prefill_passes(lengths)
    shape = (spec.batch, spec.attempts)
    before = spec.think_steps if phase == "answer" else 0
    return decode_passes(lengths, np.full(shape, before), np.full(shape, spec.passes(phase)))


def _share(cost: CountedCost, model: int, devices: int) -> HbmBytes:
    moved = cost.hbm_bytes
    return HbmBytes(
        weights=moved.weights // model,
        kv_read=moved.kv_read // devices,
        kv_write=moved.kv_write // devices,
        activations=moved.activations // devices,
    )


def _allocated_positions(spec: ProgramSpec, phase: PhaseName) -> int:
    """Cached positions that the program's arrays have, over all its passes."""
    if phase == "prefill":
        return spec.batch * spec.prompt_slots
    slots = spec.batch * (spec.prompt_slots + spec.attempts * spec.own_slots)
    return slots * spec.passes(phase)
