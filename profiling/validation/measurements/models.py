"""The model, dtypes and serving stack of a row: from its columns, and by name what those leave out.

Sizes by name are those of the described models. Gating, tied tables and experts that a table does
not state are chosen so that parameters come nearest to the stated number.
"""

import itertools
import math
import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from ....model.architecture import SIZES, Architecture, dtype_bytes, shape_of
from ...errors import ProfileInputError
from ...names import dtype_named
from ...predicted.calibration import stack_named
from ...predicted.models.described_models import NO_SIZE, tabled_models
from ...predicted.step.hardware import jax_dtype, quantised_inputs
from ...predicted.step.work import Widths
from .csv_rows import KEPT, LeftOutError, Row

MOST_TOTAL_ERROR = 0.1
"""Stated parameters may be this far from those of the sizes: totals are rounded."""


def inferred(sizes: Architecture, total: float | None, active: float | None) -> Architecture:
    """`sizes` with gating, tying and experts chosen by stated parameters, where there are any.
    Raises LeftOutError where no choice comes near."""
    if total is None:
        return sizes
    flags = itertools.product((True, False), (False, True))
    choices = [replace(sizes, gated=gated, tied_embeddings=tied) for gated, tied in flags]
    if active is not None and active < 0.9 * total:
        choices = [_mixture(choice, total, active) for choice in choices if choice.gated]
    best = min(choices, key=lambda one: abs(one.parameters - total))
    if abs(best.parameters / total - 1) > MOST_TOTAL_ERROR:
        raise LeftOutError(
            f"the sizes make {best.parameters / 1e9:.3g} billion parameters, not the stated "
            f"{total / 1e9:.3g}"
        )
    return best


def _mixture(sizes: Architecture, total: float, active: float) -> Architecture:
    """With as many experts as the stated totals are over what every token visits."""
    shape = shape_of(sizes)
    one = shape.layers * shape.mlp_parameters  # of one expert in all layers
    rest = shape.parameters - one
    experts, active_experts = (max(round((n - rest) / one), 1) for n in (total, active))
    return replace(sizes, experts=experts, active_experts=active_experts)


_COLUMNS = {
    "layers": "layers", "d_model": "embed_dim", "n_heads": "query_heads", "n_kv_heads": "kv_heads",
    "head_dim": "head_dim", "d_ff": "mlp_dim", "vocab": "vocab_size",
}  # fmt: skip
"""Column of a table -> size of an Architecture."""


@cache
def _known_models() -> tuple[tuple[re.Pattern[str], str, Architecture], ...]:
    """(pattern in a text, name, sizes) of every name of every model of the table."""
    return tuple(
        (_pattern(name), name, Architecture(**{size: getattr(row.model, size) for size in SIZES}))
        for row in tabled_models()
        for name in row.names
    )


_BETWEEN = rf"(?:.?(?:{'|'.join(sorted(NO_SIZE))}))?.?"


def _pattern(name: str) -> re.Pattern[str]:
    """A model's name in a text: words and numbers of it, in whatever way they are joined."""
    pieces = re.findall(r"[a-z]+|[0-9][0-9a-z.]*", name)
    joined = _BETWEEN.join(re.escape(piece) for piece in pieces)
    return re.compile(rf"(?<![a-z0-9]){joined}(?![0-9]|\.[0-9])")


_OF_ANOTHER = re.compile("distil|draft|speculat|eagle|medusa|assistant|teacher|student|prune|tiny")
"""Words that say that a name stands for a model made from the one it is like, or run beside it."""
_BILLIONS = re.compile(r"(?<![\w.])a?(\d{1,5}(?:\.\d{1,3})?)b\b")
MOST_NAME_ERROR, MOST_ACTIVE_ERROR = 1.35, 1.15
"""A '7B' beside a model's name may be this far from the parameters (a 7B of 8.5 billion), and an
'A3B' from the active ones."""


@lru_cache(maxsize=KEPT)
def known_sizes(name: str) -> Architecture | None:
    """The sizes of the one model that a text names; None where it is not known, and where the text
    names two, or speaks of one that is made from another ('R1-Distill-...', 'draft for ...')."""
    text = name.lower()
    matches = [
        (match.span(), known, sizes)
        for pattern, known, sizes in _known_models()
        if (match := pattern.search(text))
    ]
    if not matches:
        return None
    # The longest name is the model: 'DeepSeek-R1-Distill-Llama-8B' holds two others.
    (start, end), known, sizes = max(matches, key=lambda match: match[0][1] - match[0][0])
    others = [one for span, _, one in matches if span[0] < start or span[1] > end]
    if any(one != sizes for one in others):
        return None
    if any(word not in known for word in _OF_ANOTHER.findall(text)):
        return None
    stated = [
        float(billions) * 1e9 for billions in _BILLIONS.findall(f"{text[:start]} {text[end:]}")
    ]
    return sizes if all(_about(sizes, parameters) for parameters in stated) else None


def sizes_named(name: str, said: str = "") -> Architecture:
    """The known sizes of a name, for which a table may have `said` another. Raises LeftOutError
    where they are not known."""
    if (sizes := known_sizes(name)) is None:
        raise LeftOutError(f"the sizes of {said or name} are not known by its name")
    return sizes


def _about(sizes: Architecture, parameters: float) -> bool:
    """Whether a model of these sizes is called by so many parameters, or active ones."""
    own = ((sizes.parameters, MOST_NAME_ERROR), (sizes.active_parameters, MOST_ACTIVE_ERROR))
    return any(parameters / most <= count <= parameters * most for count, most in own)


def sizes_of(row: Row) -> Architecture:
    """The sizes of a row's model: its columns', and what is known of the name besides. Raises
    LeftOutError where they say too little."""
    name = row.text("model")
    given: dict[str, Any] = {
        field: row.count(column, 0)
        for column, field in _COLUMNS.items()
        if row.number_or_none(column)
    }
    total, active = (
        billions and billions * 1e9
        for billions in map(row.number_or_none, ("params_total_B", "params_active_B"))
    )
    by_name = known_sizes(name)
    if by_name is not None and (total is None or _about(by_name, total)):
        return replace(by_name, **given)
    if row.text("n_kv_heads").upper() == "MLA":
        raise LeftOutError(f"the latent attention of {name} is not known")
    if len(given) < len(_COLUMNS):
        raise LeftOutError(f"the sizes of {name} are not in the file, nor known by its name")
    return inferred(Architecture(**given), total, active)


_SCALE_BYTES = {
    "nvfp4": 1 / 16,  # a scale of one byte for 16
    "mxfp4": 1 / 32,
    "q8_0": 2 / 32,  # llama.cpp: a scale of two bytes for 32
    "q4_0": 2 / 32,
    "q4_k_m": 0.106,  # 4.85 bits a weight in the mean (llama.cpp, quantize)
}
"""Bytes of scales for each element of a quantised block."""


@dataclass(frozen=True)
class Formats:
    """What weights, cache and operands are held in."""

    widths: Widths
    matmul_dtype: str  # of the operands that the matrix units multiply
    narrowing: float  # log2(operand width / weight width)
    attention: "PartFormat | None" = None  # of its projections, where they are held otherwise
    head: "PartFormat | None" = None  # of the head, and of the embedding


@dataclass(frozen=True)
class PartFormat:
    """What a part of a model is held and multiplied in, where the rest is narrower."""

    weight_bytes: float
    matmul_dtype: str
    share: float = 1.0  # of the part's parameters; the rest of them is held as the model is


def narrowing_of(operand: str, weight_bytes: float) -> float:
    """log2(operand width / weight width); 0 for weights of 4 bits beside operands of 8 in floating
    point, which the matrix units take as they are (Blackwell's tcgen05.mma, kind mxf8f6f4)."""
    mixed = operand == "float8_e4m3fn" and weight_bytes < 1
    return 0.0 if mixed else math.log2(dtype_bytes(operand) / weight_bytes)


def formats(weights: str, operands: str = "", cache: str = "") -> Formats:
    """From a table's words; '?' and an empty cell mean as the operands, these as 'bf16'.

    Weights in blocks of 4 bits are widened before they are multiplied.

    Raises LeftOutError for a dtype that is not known.
    """
    weight_bytes = dtype_of(weights)[1]
    name, operand_bytes = dtype_of(operands or "bf16")
    cache_bytes = dtype_of(cache)[1] if _clean(cache) else operand_bytes
    narrowing = narrowing_of(name, weight_bytes)
    widths = Widths(weight_bytes, cache_bytes, operand_bytes, quantised_inputs(name))
    return Formats(widths, name, narrowing)


def formats_of(row: Row) -> Formats:
    """Of a row with columns w_dtype, act_dtype and kv_dtype. Raises LeftOutError for a dtype that
    is not known."""
    return formats(row.text("w_dtype"), row.text("act_dtype"), row.text("kv_dtype"))


def _clean(text: str) -> str:
    return text.replace("?", "").strip().lower()


def dtype_of(text: str) -> tuple[str, float]:
    """The dtype's name, and bytes of an element with its scales."""
    try:
        name = jax_dtype(dtype_named(_clean(text)))
    except ProfileInputError:
        raise LeftOutError(f"the dtype {text!r} is not known") from None
    return name, dtype_bytes(name) + _SCALE_BYTES.get(_clean(text), 0.0)


_STACKS = (
    ("FasterTransformer", r"faster.?transformer"),
    ("Pope et al.", r"pope"),
    ("jax-llm-examples", r"jax-llm-examples"),
    ("sglang-jax", r"sglang-jax"),
    ("vLLM-TPU", r"vllm[- ]tpu|tpu-recipes.*vllm|vllm.*tpu-recipes"),
    ("JetStream-PyTorch", r"jetstream-pytorch"),
    ("JetStream", r"jetstream"),
    ("MaxText", r"maxtext"),
    ("MLPerf", r"mlperf|saxml"),
    ("gpt-fast", r"gpt-fast"),
    ("neuron", r"neuron|nxd"),
    ("DeepSeek", r"deepseek-ai"),
    ("llama.cpp", r"llama\.?cpp|llama-bench"),
    ("TensorRT-LLM", r"tensorrt|trt[-_ ]?llm"),
    ("SGLang", r"sglang"),
    ("vLLM", r"vllm"),
)
"""The first that is found counts: those that contain another's name come before it."""
_STACK_COLUMNS = (
    "engine", "backend", "parallelism_topology", "source", "location", "provenance", "notes",
)  # fmt: skip


def stack_of(row: Row) -> str:
    """The stack that how it ran, its source or where that is names, notes last of all (they compare
    with others); else the source's first words."""
    for column in _STACK_COLUMNS:
        if found := _stack_in(row.text(column).lower()):
            return found
    return stack_named(re.split(r"[(,@]", row.text("source"))[0].strip())


@lru_cache(maxsize=KEPT)
def _stack_in(text: str) -> str | None:
    return next((name for name, pattern in _STACKS if re.search(pattern, text)), None)
