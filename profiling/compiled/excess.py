"""Reconciliation: compiled against counted bytes, each excess named and sized.

Every HBM byte of the executable is in one excess, in the counted bytes, or unexplained; the
three add up. Negative excesses are bytes that the compiler saved.

The counted bytes of one device are an even share: of weights over the model axis (each
data-parallel group reads its own, of embedding and experts what its own tokens need), of keys,
values and activations over all devices. What a mesh cannot split evenly, such as KV heads fewer
than devices, is then an excess with a name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...model.generation.pass_log import PassRecord
from ...model.phases import ANSWER
from ..counted.phase_costs import copy_cost, passes_of
from ..counted.unit_costs import unit_costs
from ..records import Excess, HbmBytes
from ..records.base import size_text
from ..records.profile import sum_costs
from .spec import ProgramSpec
from .traffic.traffic import (
    ACTIVATIONS,
    COLLECTIVE_DATA,
    COPY_OF,
    HBM,
    KV,
    WEIGHTS,
    InstructionTraffic,
    ModuleTraffic,
)


@dataclass(frozen=True)
class CountedBudget:
    """The counted cost of one call of a phase's program, for one device."""

    hbm: HbmBytes
    flops: int
    replicated_kv_bytes: int  # of KV that other devices of the model axis move as well
    empty_kv_bytes: int  # of cache slots that are allocated and hold nothing yet


def counted_budget(spec: ProgramSpec, phase: str) -> CountedBudget:
    unit = unit_costs(spec.config, spec.dtype)
    record = phase_record(spec, phase)
    passes = passes_of(record, unit.window)
    cost = sum_costs([passes.total(unit), copy_cost(record, unit)])
    split, moved = spec.split, cost.hbm_bytes
    tokens = np.maximum(passes.tokens // split.data, 1)  # of a data-parallel group
    weights = int((unit.weight_bytes(tokens) + tokens * unit.token_weight_bytes).sum())
    kv_bytes = moved.kv_read + moved.kv_write
    holders = split.data * split.kv  # devices that hold different KV
    cached = int(passes.cached.sum()) + 2 * int(record.copied.sum())
    empty = _allocated_positions(spec, phase) - cached
    return CountedBudget(
        hbm=HbmBytes(
            weights=weights // split.model,
            kv_read=moved.kv_read // split.devices,
            kv_write=moved.kv_write // split.devices,
            activations=moved.activations // split.devices,
        ),
        flops=cost.flops // split.devices,
        replicated_kv_bytes=kv_bytes // holders - kv_bytes // split.devices,
        empty_kv_bytes=max(empty, 0) * unit.kv_bytes // holders,
    )


def phase_record(spec: ProgramSpec, phase: str) -> PassRecord:
    """The passes of one call, with every attempt at work from the first to the last: a copy's rows
    are full, whatever else has read but the thoughts that an answer follows."""
    program, reads = spec.program(phase), spec.reads(phase)
    prompt = program == "prompt"
    shape = (spec.batch, 1 if prompt else spec.attempts)
    ones = np.ones((max(spec.passes(phase), 1), *shape), np.int64)
    before = spec.think_steps if phase == ANSWER else 0
    tokens = ones * (0 if program == "copy" else reads)
    return PassRecord.of(
        phase,
        prompt=np.full(spec.batch, 0 if prompt else spec.prompt_of(phase)),
        own=ones * before + tokens * np.arange(len(ones))[:, None, None],
        tokens=tokens,
        heads=tokens if program == "check" else None,
        copied=ones * (spec.own_slots if program == "copy" else 0),
        slots=reads,
    )


def _allocated_positions(spec: ProgramSpec, phase: str) -> int:
    """Cached positions that the program's arrays have, over all its passes; a copy reads and writes
    the rows' own."""
    own = spec.batch * spec.attempts * spec.own_slots
    match spec.program(phase):
        case "prompt":
            return spec.batch * spec.reads(phase)
        case "copy":
            return 2 * own
    return (spec.batch * spec.prompt_of(phase) + own) * spec.passes(phase)


FIXES = {
    "copy of kv": "keep the cache in one layout from the program's entry through its loops, and "
    "run many tokens in one program, so that a copy at its border is paid once",
    "copy of weights": "store the weights in the layout that the loop reads (let the compiler "
    "choose the entry layouts), and run many tokens in one program, so that a copy at its border "
    "is paid once",
    "empty slots of the cache": "grow the cache in steps along the thought",
    "KV heads held by several devices": "a smaller model axis, with the rest as data parallel",
    "KV read again": "attention in one kernel, which reads each cached position once for "
    "scores and values",
    "weights read again": "fewer passes over the same weights in a program, or larger tiles",
    "tile padding": "sizes or a layout whose last two axes are multiples of the tile",
    "collectives": "a smaller model axis, or an axis order that needs fewer exchanges",
}


def excesses(
    traffic: ModuleTraffic, counted: CountedBudget, on_cpu: bool = False
) -> tuple[list[Excess], int]:
    """Named excesses, the largest first, and the bytes that none of them explains.

    On a CPU no fix is offered: XLA copies a layer's slice of the stacked weights before each
    product there, through caches that the program does not name.
    """
    total = counted.hbm.total
    named = [
        Excess(
            name=name,
            excess_bytes=size,
            share=size / total if total else 0.0,
            evidence=evidence,
            fix=FIXES.get(name) if size > 0 and not on_cpu else None,
        )
        for name, size, evidence in _named(traffic, counted)
        if size
    ]
    named.sort(key=lambda excess: -abs(excess.excess_bytes))
    explained = sum(excess.excess_bytes for excess in named)
    return named, traffic.hbm_bytes() - total - explained


def _named(traffic: ModuleTraffic, counted: CountedBudget) -> Iterator[tuple[str, int, str]]:
    """Name, bytes and evidence of each excess. Padding is told apart from what it pads."""
    own = {kind: traffic.hbm_bytes(kind=kind, padded=False) for kind in (WEIGHTS, KV, ACTIVATIONS)}
    padding = sum(traffic.hbm_bytes(kind=kind) - size for kind, size in own.items())
    yield "tile padding", padding, "padded less logical bytes of weights, KV and activations"

    for kind in traffic.bytes_by_kind():
        if kind.startswith(COPY_OF) or kind == COLLECTIVE_DATA:
            yield kind, traffic.hbm_bytes(kind=kind), _largest(traffic, kind)

    weights = own[WEIGHTS] - counted.hbm.weights
    yield f"weights {_WAY[weights < 0]}", weights, _largest(traffic, WEIGHTS)

    shape = "the cache's allocated shape, less the positions that hold something"
    yield "empty slots of the cache", counted.empty_kv_bytes, shape
    split = "the mesh: more devices on the model axis than KV heads"
    yield "KV heads held by several devices", counted.replicated_kv_bytes, split
    counted_kv = counted.hbm.kv_read + counted.hbm.kv_write
    kv = own[KV] - counted_kv - counted.empty_kv_bytes - counted.replicated_kv_bytes
    yield f"KV {_WAY[kv < 0]}", kv, _largest(traffic, KV)

    activations = own[ACTIVATIONS] - counted.hbm.activations
    yield f"activations {_WAY[activations < 0]}", activations, _largest(traffic, ACTIVATIONS)


_WAY = {True: "kept on the chip", False: "read again"}


def _largest(traffic: ModuleTraffic, kind: str) -> str:
    """The instruction that moves most of a kind, in words."""
    rows = [row for row in traffic.rows if row.bytes(HBM, kind)]
    if not rows:
        return "no instruction moves it through HBM"
    row: InstructionTraffic = max(rows, key=lambda row: row.bytes(HBM, kind))
    where = f" in {row.scope}" if row.scope else ""
    return (
        f"{row.opcode} {row.name}{where}: {size_text(row.bytes(HBM, kind))} in "
        f"{row.times} execution{'s' if row.times != 1 else ''}"
    )
