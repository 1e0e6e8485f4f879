"""Operations timed by themselves: matmuls, element-wise kernels, copies, collectives; and the rows
of measured_ops.csv: one operation, or those of one transformer layer in turn, on one chip.

The layers are LLMCompass's (arXiv:2312.03134, figure 5): a layer of GPT-3 on four A100, split over
the heads; the decode step is the 1,024th after a prompt of 2,048.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ....model.architecture import Architecture
from ....tpu_configs.slice import Slice
from ...predicted.cases import Case, Group, Piece
from ...predicted.step.collectives import Parallelism, groups_of, published_collective, ring
from ...predicted.step.hardware import hardware_of
from ...predicted.step.step_work import elementwise_work, exchange_work, matmul_work
from ...predicted.step.work import NOTHING, Widths, Work
from .csv_rows import NUMBER, SECONDS, LeftOutError, Row, positive, positive_count
from .deployments import case_of, chip_of, slice_of
from .models import Formats, formats, known_sizes

MOST_BINARY_DIGITS = 60
LARGE_BYTES = 1e9
"""What a collective is taken to move where its bandwidth is that of a 'large' one."""


def one_chip(hardware: str) -> Slice:
    """A single chip of the kind that the text names. Raises LeftOutError for an unknown one."""
    return slice_of(chip_of(hardware)[0], 1)


def operation_case(
    row: Row, group: Group, on_slice: Slice, held: Formats, work: Work, observed: float,
    phase: str = "",
) -> Case:  # fmt: skip
    """One operation of `row` as a case."""
    case = case_of(row, group, on_slice, held, (Piece(phase or group, 1.0, work),), observed)
    # What timed an operation by itself is a stack: launches cost each harness something else.
    harness = re.split(r"[/ ]", row.text("source") or "LLMServingSim")[0]
    return replace(
        case,
        stack=f"{harness} kernels",
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
    if (exchange := published_collective(kind)) is None:
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
        if not 0 < positive(count[1]) <= MOST_BINARY_DIGITS:
            raise LeftOutError(f"2^{count[1]} elements are more than any memory holds")
        moved = 3 * 2.0 ** int(count[1]) * held.widths.activation_bytes  # two read, one written
        return operation_case(row, "vector", on_slice, held, elementwise_work(moved), seconds(row))
    size = re.search(rf"{NUMBER} ?([KMG])B", name)
    if size is None and re.search(r"\d ?[KMGT]?B\b", name):
        raise LeftOutError(f"the size in '{name}' is not one number of KB, MB or GB")
    scale = {"K": 1e3, "M": 1e6, "G": 1e9}
    moved = positive(size[1]) * scale[size[2]] if size else LARGE_BYTES
    # 'X=8? Y=4': the axis that is certain; one shorter than its side of a torus is a line.
    axis = re.search(r"\b[XYZ]=(\d+)(?![\d?])", topology)
    line = positive_count(axis[1]) if axis and "no full wrap" in topology else None
    work, sent = collective(name, on_slice, moved, line)
    observed = seconds(row, sent)
    return operation_case(row, "collective", on_slice, held, work, observed)


def seconds(row: Row, sent_bytes: float | None = None) -> float:
    """Seconds of an operation that sends `sent_bytes`; LeftOutError for an unknown unit."""
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
    rate = re.match(rf"{NUMBER} GB/s", row.text("throughput"))
    if rate is None or moved_bytes is None:
        raise LeftOutError("neither a latency nor a bandwidth is stated")
    return moved_bytes / (positive(rate[1]) * 1e9)


DECODED_TOKENS = 1024


@dataclass(frozen=True)
class _Layer:
    """What 'GPT-3 175B layer prefill B8 S2048 4xA100 TP4' says."""

    sizes: Architecture
    phase: str
    new: float  # positions read of each sequence
    context: float  # that each of them attends to, the causal ones not left out: kernels did not
    rows: float  # positions read of all sequences
    heads: float  # of all sequences on one chip
    shards: float


def layer_case(row: Row, held: Formats) -> Case:
    """The row's operation on one of the chips, or the exchange between them. Raises LeftOutError
    where the shape or the operation is not described."""
    layer = _read(row.text("shape"))
    op = row.text("op").lower().rstrip("12") if "reduce" in row.text("op") else row.text("op")
    if op == "allreduce":
        on_slice = slice_of(*chip_of(row.text("hardware")))
        size = layer.rows * layer.sizes.embed_dim * held.widths.activation_bytes
        group: Group = "collective"
        work, _ = collective(op, on_slice, size)
    else:
        on_slice = one_chip(row.text("hardware"))
        group, work = _local(op, layer, on_slice, held)
    return operation_case(row, group, on_slice, held, work, stated_seconds(row), layer.phase)


def _local(op: str, layer: _Layer, on_slice: Slice, held: Formats) -> tuple[Group, Work]:
    D, H, S = layer.sizes.embed_dim, layer.sizes.head_dim, layer.shards
    F = layer.sizes.mlp_dim
    matrices = {"QKV_proj": (D, 3 * D / S), "Wo": (D / S, D), "W1": (D, F / S), "W2": (F / S, D)}
    products = {"QmulK": (H, layer.context), "AmulV": (layer.context, H)}
    elements = {
        "softmax": layer.heads * layer.new * layer.context,
        "layernorm1": layer.rows * D,
        "layernorm2": layer.rows * D,
        "GeLU": layer.rows * F / S,
    }
    if op in matrices:
        return "matmul", matmuls(on_slice, held, layer.rows, [matrices[op]])
    if op in products:
        depth, columns = products[op]
        return "matmul", batched_matmul(on_slice, held, layer.heads, layer.new, depth, columns)
    if op in elements:
        return "vector", elementwise_work(2 * elements[op] * held.widths.activation_bytes)
    raise LeftOutError(f"the operation '{op}' of a layer is not described")


def _read(shape: str) -> _Layer:
    result = re.search(r"(.+) layer (prefill|decode) B(\d+)", shape)
    prompt, shards = re.search(r"\b[sS]=?(\d+)", shape), re.search(r"TP(\d+)", shape)
    sizes = known_sizes(result[1]) if result else None
    if result is None or prompt is None or shards is None or sizes is None:
        raise LeftOutError(f"the shape '{shape}' is not known")
    batch, context, chips = map(positive, (result[3], prompt[1], shards[1]))
    new, seen = (context, context) if result[2] == "prefill" else (1.0, context + DECODED_TOKENS)
    heads = batch * sizes.query_heads / chips
    return _Layer(sizes, result[2], new, seen, batch * new, heads, chips)


OPS_COLUMNS = ("source", "hardware", "op", "dtype", "shape", "latency_us", "throughput")
PREFILL_TOKENS = 256
"""Tokens in a step from which on a layer's matmuls are reported as prefill."""


def ops_cases(row: Row) -> list[Case]:
    """The case that a row makes. Raises LeftOutError where it cannot be predicted,
    ProfileInputError for a malformed cell."""
    if row.text("latency_us"):
        row.number("latency_us")
    held = formats(row.text("dtype"), row.text("dtype"))
    op = row.text("op").lower()
    for pattern, read in _READERS:
        if re.search(pattern, op):
            return [read(row, held)]
    if published_collective(op):
        return [_collective(row, held)]
    if re.search(r"layer (prefill|decode)", row.text("shape")):
        return [layer_case(row, held)]
    raise LeftOutError(f"the operation '{row.text('op')}' is not described")


def _sizes(row: Row, *names: str) -> list[float]:
    """The numbers after 'M=', 'N=' ... in the shape. Raises LeftOutError where one is missing."""
    shape = row.text("shape")
    matches = [re.search(rf"\b{name}=(\d+)", shape) for name in names]
    if not all(matches):
        raise LeftOutError(f"the shape '{shape}' does not have {', '.join(names)}")
    return [positive(match[1]) for match in matches if match]


def _devices(row: Row, on_slice: Slice, held: Formats) -> float:
    """Devices of a chip that work at once where a row times one: those that JAX shows, if the
    stated peak is one's share. All together take as long as the one."""
    chip = on_slice.chip
    stated = re.match(rf"{NUMBER} (TFLOP|GB)/s", row.text("peak"))
    if stated is None:
        return 1.0
    if stated[2] == "TFLOP":
        ratio = chip.peak_flops(held.matmul_dtype).flop_per_s / (positive(stated[1]) * 1e12)
    else:
        ratio = chip.hbm_bandwidth / (positive(stated[1]) * 1e9)
    return float(chip.jax_devices) if round(ratio) == chip.jax_devices else 1.0


def _matmul(row: Row, held: Formats) -> Case:
    cube = re.fullmatch(r"(\d+)\^3", row.text("shape"))
    rows, columns, depth = [positive(cube[1])] * 3 if cube else _sizes(row, "M", "N", "K")
    on_slice = one_chip(row.text("hardware"))
    work = matmuls(on_slice, held, rows, [(depth, columns)]) * _devices(row, on_slice, held)
    return operation_case(row, "matmul", on_slice, held, work, stated_seconds(row))


def _layer(row: Row, held: Formats) -> Case:
    sizes = known_sizes(row.text("op"))
    if sizes is None or sizes.experts > 1:
        raise LeftOutError(f"the layer of '{row.text('op')}' is not known")
    tokens, shards = _sizes(row, "tokens", "TP")
    on_slice = one_chip(row.text("hardware"))
    work = matmuls(on_slice, held, tokens, sizes.layer_matmuls(shards))
    phase = "prefill" if tokens >= PREFILL_TOKENS else "decode"
    return operation_case(row, "matmul", on_slice, held, work, stated_seconds(row), phase)


def _shape(row: Row, pattern: str) -> re.Match[str]:
    """The shape, which is of that pattern as a whole. Raises LeftOutError for any other."""
    match = re.fullmatch(pattern, row.text("shape"))
    if match is None:
        raise LeftOutError(f"the shape '{row.text('shape')}' is not known")
    return match


def _vector(row: Row, held: Formats) -> Case:
    if re.search(r"layer (prefill|decode)", row.text("shape")):
        return layer_case(row, held)
    size = _shape(row, r"(\d+)x(\d+)")
    moved = 2 * positive(size[1]) * positive(size[2]) * held.widths.activation_bytes
    on_slice, work = one_chip(row.text("hardware")), elementwise_work(moved)
    return operation_case(row, "vector", on_slice, held, work, stated_seconds(row))


def _copy(row: Row, held: Formats) -> Case:
    size = _shape(row, r"(\d+) ([KMG])iB")
    moved = 2 * positive(size[1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[size[2]]
    on_slice = one_chip(row.text("hardware"))
    work = elementwise_work(moved) * _devices(row, on_slice, held)
    return operation_case(row, "vector", on_slice, held, work, stated_seconds(row, moved))


def _collective(row: Row, held: Formats) -> Case:
    if "layer" in row.text("shape"):
        return layer_case(row, held)
    if "dcn" in row.text("op").lower():
        raise LeftOutError("the data centre network between slices is not modelled by its links")
    size = re.fullmatch(r"(\d+)\^2", row.text("shape"))
    elements = positive(size[1]) ** 2 if size else _sizes(row, "elements")[0]
    on_slice = slice_of(*chip_of(row.text("hardware")), row.text("hardware"))
    work, sent = collective(row.text("op"), on_slice, elements * held.widths.activation_bytes)
    return operation_case(row, "collective", on_slice, held, work, stated_seconds(row, sent))


_READERS: tuple[tuple[str, Callable[[Row, Formats], Case]], ...] = (
    (r"^(matmul|gemm)\b", _matmul),
    (r"one layer linear ops", _layer),
    (r"\bcopy\b", _copy),
    (r"^(softmax|layernorm|rmsnorm|gelu|silu)\d*$", _vector),
)
