"""Rows of measured_ops.csv: one operation, or those of one transformer layer in turn, on one chip.

The layers are LLMCompass's (arXiv:2312.03134, figure 5): a layer of GPT-3 on four A100, split over
the heads; the decode step is the 1,024th after a prompt of 2,048.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ....model.architecture import Architecture
from ....tpu_configs.slice import Slice
from ...predicted.cases import Case, Group
from ...predicted.collectives import published_collective
from ...predicted.step_work import Work, elementwise_work
from .csv_rows import LeftOutError, Row
from .deployments import chip_of, slice_of
from .models import Formats, formats, known_sizes
from .operators import batched_matmul, collective, matmuls, one_chip, operation_case, stated_seconds

DECODED_TOKENS = 1024


@dataclass(frozen=True)
class _Layer:
    """What 'GPT-3 175B layer prefill B8 S2048 4xA100 TP4' says."""

    sizes: Architecture
    phase: str
    batch: float
    prompt: float
    shards: float

    @property
    def new(self) -> float:
        """Positions read of each sequence."""
        return self.prompt if self.phase == "prefill" else 1.0

    @property
    def context(self) -> float:
        """Positions that each of them attends to, the causal ones not left out: kernels did not."""
        return self.prompt if self.phase == "prefill" else self.prompt + DECODED_TOKENS

    @property
    def rows(self) -> float:
        """Positions read of all sequences."""
        return self.batch * self.new

    @property
    def heads(self) -> float:
        """Heads of all sequences on one chip."""
        return self.batch * self.sizes.query_heads / self.shards


def layer_case(row: Row, held: Formats) -> Case:
    """The row's operation on one of the chips, or the exchange between them. Raises LeftOutError
    where the shape or the operation is not described."""
    layer = _read(row.text("shape"))
    op = row.text("op").lower().rstrip("12") if "reduce" in row.text("op") else row.text("op")
    chip, chips = chip_of(row.text("hardware"))
    if op == "allreduce":
        on_slice = slice_of(chip, chips)
        size = layer.rows * layer.sizes.embed_dim * held.widths.activation_bytes
        work, _ = collective(op, on_slice, size)
        group: Group = "collective"
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
    result = re.search(r"(?P<model>.+) layer (?P<phase>prefill|decode) B(?P<batch>\d+)", shape)
    prompt, shards = re.search(r"\b[sS]=?(\d+)", shape), re.search(r"TP(\d+)", shape)
    sizes = known_sizes(result["model"]) if result else None
    if result is None or prompt is None or shards is None or sizes is None:
        raise LeftOutError(f"the shape '{shape}' is not known")
    return _Layer(
        sizes, result["phase"], float(result["batch"]), float(prompt[1]), float(shards[1])
    )


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
    return [float(match[1]) for match in matches if match]


def _devices(row: Row, on_slice: Slice, held: Formats) -> float:
    """Devices of a chip that work at once where a row times one of them: those that JAX shows of
    it, if the stated peak is one device's share. All together take as long as the one."""
    chip = on_slice.chip
    shown = chip.cores.jax_devices_per_chip if chip.cores else None
    stated = re.match(r"([\d.]+) (TFLOP|GB)/s", row.text("peak"))
    if shown is None or stated is None:
        return 1.0
    if stated[2] == "TFLOP":
        ratio = chip.peak_flops(held.matmul_dtype).flop_per_s / (float(stated[1]) * 1e12)
    else:
        ratio = chip.hbm_bandwidth / (float(stated[1]) * 1e9)
    return shown.value if round(ratio) == shown.value else 1.0


def _matmul(row: Row, held: Formats) -> Case:
    cube = re.fullmatch(r"(\d+)\^3", row.text("shape"))
    rows, columns, depth = [float(cube[1])] * 3 if cube else _sizes(row, "M", "N", "K")
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


def _vector(row: Row, held: Formats) -> Case:
    if re.search(r"layer (prefill|decode)", row.text("shape")):
        return layer_case(row, held)
    size = re.fullmatch(r"(\d+)x(\d+)", row.text("shape"))
    if size is None:
        raise LeftOutError(f"the shape '{row.text('shape')}' is not known")
    moved = 2 * float(size[1]) * float(size[2]) * held.widths.activation_bytes
    on_slice = one_chip(row.text("hardware"))
    work = elementwise_work(moved)
    return operation_case(row, "vector", on_slice, held, work, stated_seconds(row))


def _copy(row: Row, held: Formats) -> Case:
    size = re.fullmatch(r"(\d+) ([KMG])iB", row.text("shape"))
    if size is None:
        raise LeftOutError(f"the shape '{row.text('shape')}' is not known")
    moved = 2 * float(size[1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[size[2]]
    on_slice = one_chip(row.text("hardware"))
    work = elementwise_work(moved) * _devices(row, on_slice, held)
    return operation_case(row, "vector", on_slice, held, work, stated_seconds(row, moved))


def _collective(row: Row, held: Formats) -> Case:
    if "layer" in row.text("shape"):
        return layer_case(row, held)
    if "dcn" in row.text("op").lower():
        raise LeftOutError("the data centre network between slices is not modelled by its links")
    size = re.fullmatch(r"(\d+)\^2", row.text("shape"))
    elements = float(size[1]) ** 2 if size else _sizes(row, "elements")[0]
    chip, chips = chip_of(row.text("hardware"))
    on_slice = slice_of(chip, chips, row.text("hardware"))
    work, sent = collective(row.text("op"), on_slice, elements * held.widths.activation_bytes)
    return operation_case(row, "collective", on_slice, held, work, stated_seconds(row, sent))


_READERS: tuple[tuple[str, Callable[[Row, Formats], Case]], ...] = (
    (r"^(matmul|gemm)\b", _matmul),
    (r"one layer linear ops", _layer),
    (r"\bcopy\b", _copy),
    (r"^(softmax|layernorm|rmsnorm|gelu|silu)\d*$", _vector),
)
