"""Operations timed by themselves: matmuls, element-wise kernels, copies, collectives."""

import re
from dataclasses import replace

from ....tpu_configs.slice import Slice
from ...predicted.cases import Case, Group, Piece
from ...predicted.collectives import Parallelism, groups_of, published_collective, ring
from ...predicted.hardware import hardware_of
from ...predicted.step_work import (
    NOTHING,
    Widths,
    Work,
    elementwise_work,
    exchange_work,
    matmul_work,
)
from .csv_rows import SECONDS, LeftOutError, Row
from .deployments import case_of, chip_of, slice_of
from .models import Formats, formats

LARGE_BYTES = 1e9
"""What a collective is taken to move where its bandwidth is that of a 'large' one."""


def one_chip(hardware: str) -> Slice:
    """A single chip of the kind that the text names. Raises LeftOutError where no chip file has
    it."""
    return slice_of(chip_of(hardware)[0], 1)


def harness_of(row: Row) -> str:
    """What timed an operation by itself, as a stack: launches cost each harness something else."""
    named = re.split(r"[/ ]", row.text("source") or "LLMServingSim")[0]
    return f"{named} kernels"


def operation_case(
    row: Row,
    group: Group,
    on_slice: Slice,
    held: Formats,
    work: Work,
    observed: float,
    phase: str = "",
) -> Case:
    """One operation of `row` as a case."""
    case = case_of(row, group, on_slice, held, (Piece(phase or group, 1.0, work),), observed)
    return replace(
        case,
        stack=harness_of(row),
        model=row.text("op") or row.text("model"),
        copies=on_slice.chips,
        note=row.text("shape") or row.text("notes"),
    )


def matmuls(
    on_slice: Slice, held: Formats, rows: float, matrices: list[tuple[float, float]]
) -> Work:
    """Of `rows` with each [depth, columns] of `matrices`, one after another."""
    tile = hardware_of(on_slice.chip, held.matmul_dtype).tile
    works = (matmul_work(rows, *matrix, held.widths, tile) for matrix in matrices)
    return sum(works, start=NOTHING)


def batched_matmul(
    on_slice: Slice, held: Formats, batch: float, rows: float, depth: float, columns: float
) -> Work:
    """`batch` matmuls of operands that are both activations, in one kernel."""
    tile = hardware_of(on_slice.chip, held.matmul_dtype).tile
    width = held.widths.activation_bytes
    widths = Widths(weight_bytes=width, kv_bytes=width, activation_bytes=width)
    return replace(matmul_work(rows, depth, columns, widths, tile) * batch, kernels=1.0)


def collective(
    kind: str, on_slice: Slice, moved_bytes: float, axis: int | None = None
) -> tuple[Work, float]:
    """Its work over all chips, or over an `axis` of so many that does not wrap; and the bytes that
    count as moved where a bandwidth is stated, those that any algorithm sends at least. Raises
    LeftOutError for a kind that is not known."""
    all_chips = Parallelism(tensor=on_slice.chips)
    group = ring(axis, wraps=False) if axis else groups_of(on_slice, all_chips)["tensor"]
    exchange = published_collective(kind)
    if exchange is None:
        raise LeftOutError(f"the exchange '{kind}' is not described")
    sent = exchange.least_sent_bytes(group.chips, moved_bytes)
    return exchange_work(exchange.over(group, moved_bytes)), sent


def named_operation(row: Row) -> Case:
    """A row of measured_inference.csv whose `model` names an operation: 'AllGather 34MB'. Raises
    LeftOutError where it says too little."""
    name, topology = row.text("model"), row.text("parallelism_topology")
    chip, counted = chip_of(row.text("hardware"))
    on_slice = slice_of(chip, row.count("n_chips", counted), topology)
    held = formats(row.text("w_dtype"), row.text("w_dtype"))
    if row.text("phase") == "elementwise":
        count = re.search(r"\badd\b.*N=2\^(\d+)", name)
        if not count:
            raise LeftOutError(f"the operation '{name}' is not described")
        moved = 3 * 2.0 ** int(count[1]) * held.widths.activation_bytes  # two read, one written
        return operation_case(row, "vector", on_slice, held, elementwise_work(moved), seconds(row))
    size = re.search(r"([\d.]+) ?([KMG])B", name)
    scale = {"K": 1e3, "M": 1e6, "G": 1e9}
    moved = float(size[1]) * scale[size[2]] if size else LARGE_BYTES
    # 'X=8? Y=4': the axis that is certain; one shorter than its side of a torus is a line.
    axis = re.search(r"\b[XYZ]=(\d+)(?![\d?])", topology)
    line = int(axis[1]) if axis and "no full wrap" in topology else None
    work, sent = collective(name, on_slice, moved, line)
    observed = seconds(row, sent)
    return operation_case(row, "collective", on_slice, held, work, observed)


def seconds(row: Row, sent_bytes: float | None = None) -> float:
    """The row's value as the seconds of an operation that sends `sent_bytes`. Raises LeftOutError
    for a unit that is not known."""
    value, unit = row.number("value"), row.text("unit")
    if unit in SECONDS:
        return value * SECONDS[unit]
    if unit == "GB/s" and sent_bytes is not None:
        return sent_bytes / (value * 1e9)
    raise LeftOutError(f"the unit '{unit}' is not known")


def stated_seconds(row: Row, moved_bytes: float | None = None) -> float:
    """Seconds of a row of measured_ops.csv: its latency, else the bytes over its throughput. Raises
    LeftOutError where it has neither."""
    if row.text("latency_us"):
        return row.number("latency_us") * 1e-6
    rate = re.match(r"([\d.]+) GB/s", row.text("throughput"))
    if rate is None or moved_bytes is None:
        raise LeftOutError("neither a latency nor a bandwidth is stated")
    return moved_bytes / (float(rate[1]) * 1e9)
