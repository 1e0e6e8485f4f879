"""Rows of measured_ops.csv that time the operations of one transformer layer in turn.

LLMCompass (arXiv:2312.03134, figure 5): a layer of GPT-3 on four A100, split over the heads; the
decode step is the 1,024th after a prompt of 2,048.
"""

import re
from dataclasses import dataclass

from ....tpu_configs.slice import Slice
from ...predict.cases import Case, Group
from ...predict.sizes import Sizes
from ...predict.work import Work, elementwise_work
from .formats import Formats
from .models import known_sizes
from .operations import (
    batched_matmul,
    collective,
    matmuls,
    one_chip,
    operation_case,
    stated_seconds,
)
from .places import chip_of, slice_of
from .table import LeftOutError, Row

DECODED_TOKENS = 1024


@dataclass(frozen=True)
class _Layer:
    """What 'GPT-3 175B layer prefill B8 S2048 4xA100 TP4' says."""

    sizes: Sizes
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
    """The row's operation on one of the chips, or the exchange between them.

    Raises LeftOutError where the shape or the operation is not described.
    """
    layer = _read(row.text("shape"))
    op = row.text("op").lower().rstrip("12") if "reduce" in row.text("op") else row.text("op")
    chip, chips = chip_of(row.text("hardware"))
    if op == "allreduce":
        over = slice_of(chip, chips)
        size = layer.rows * layer.sizes.embed_dim * held.widths.activation_bytes
        work, _ = collective(op, over, size)
        group: Group = "collective"
    else:
        over = one_chip(row.text("hardware"))
        group, work = _local(op, layer, over, held)
    return operation_case(row, group, over, held, work, stated_seconds(row), layer.phase)


def _local(op: str, layer: _Layer, over: Slice, held: Formats) -> tuple[Group, Work]:
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
        return "matmul", matmuls(over, held, layer.rows, [matrices[op]])
    if op in products:
        depth, columns = products[op]
        return "matmul", batched_matmul(over, held, layer.heads, layer.new, depth, columns)
    if op in elements:
        return "vector", elementwise_work(2 * elements[op] * held.widths.activation_bytes)
    raise LeftOutError(f"the operation '{op}' of a layer is not described")


def _read(shape: str) -> _Layer:
    found = re.search(r"(?P<model>.+) layer (?P<phase>prefill|decode) B(?P<batch>\d+)", shape)
    prompt, shards = re.search(r"\b[sS]=?(\d+)", shape), re.search(r"TP(\d+)", shape)
    sizes = known_sizes(found["model"]) if found else None
    if found is None or prompt is None or shards is None or sizes is None:
        raise LeftOutError(f"the shape '{shape}' is not known")
    return _Layer(sizes, found["phase"], float(found["batch"]), float(prompt[1]), float(shards[1]))
