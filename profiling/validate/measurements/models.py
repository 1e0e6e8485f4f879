"""The model, dtypes and serving stack of a row: from its columns, and by name what those leave out.

Source of the sizes: each model's config.json on its publisher's hub page; those of PaLM, MT-NLG
and GPT-3 from their papers (arXiv:2204.02311, 2201.11990, 2005.14165). Gating, tied tables and
experts that a table does not state are chosen so that parameters come nearest to the stated
number.
"""

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import Any

from ....model.architecture import SIZES, Architecture, dtype_bytes, shape_of
from ....model.config import PRESETS, ModelConfig
from ...predicted.model_shape import LATENT_HEAD_DIM, LATENT_KV_HEADS
from ...predicted.step_work import Widths
from .csv_rows import LeftOutError, Row

MOST_TOTAL_ERROR = 0.1
"""Stated parameters may be this far from those of the sizes: totals are rounded."""


def inferred(sizes: Architecture, total: float | None, active: float | None) -> Architecture:
    """`sizes` with gating, tying and experts chosen by stated parameters, where there are any.

    Raises LeftOutError where no choice comes near.
    """
    if total is None:
        return sizes
    choices = [
        replace(sizes, gated=gated, tied_embeddings=tied)
        for gated, tied in itertools.product((True, False), (False, True))
    ]
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
    return replace(
        sizes,
        experts=max(round((total - rest) / one), 1),
        active_experts=max(round((active - rest) / one), 1),
    )


_COLUMNS = {
    "layers": "layers",
    "d_model": "embed_dim",
    "n_heads": "query_heads",
    "n_kv_heads": "kv_heads",
    "head_dim": "head_dim",
    "d_ff": "mlp_dim",
    "vocab": "vocab_size",
}


def _of(config: ModelConfig) -> Architecture:
    """A preset without its norms, as all other models here."""
    return Architecture(**{size: getattr(config, size) for size in SIZES})


def _dense(
    layers: int, embed: int, heads: int, kv_heads: int, head_dim: int, mlp: int, vocab: int,
    tied: bool = False,
) -> Architecture:  # fmt: skip
    return Architecture(
        layers=layers, embed_dim=embed, query_heads=heads, kv_heads=kv_heads, head_dim=head_dim,
        mlp_dim=mlp, vocab_size=vocab, tied_embeddings=tied,
    )  # fmt: skip


def _latent(layers: int, embed: int, heads: int, vocab: int, query_rank: int) -> Architecture:
    """DeepSeek's attention: heads of 128 + 64 rotated, compressed to 512; `query_rank` 0: none."""
    query = query_rank * (embed + heads * 192) if query_rank else embed * heads * 192
    key_value = embed * 576 + 512 * heads * 256
    base = _dense(layers, embed, heads, LATENT_KV_HEADS, LATENT_HEAD_DIM, 0, vocab)
    return replace(base, attention_parameters=query + key_value + heads * 128 * embed)


def _mixed(
    base: Architecture, width: int, experts: int, active: int,
    shared: int = 0, dense_layers: int = 0, dense_width: int = 0,
) -> Architecture:  # fmt: skip
    return replace(
        base, mlp_dim=width, experts=experts, active_experts=active, shared_mlp_dim=shared,
        dense_layers=dense_layers, dense_mlp_dim=dense_width,
    )  # fmt: skip


def _windowed(base: Architecture, window: int, share: float) -> Architecture:
    return replace(base, window=window, windowed_share=share)


def _qwen3(
    layers: int, embed: int, heads: int, kv_heads: int, mlp: int, tied: bool = False
) -> Architecture:
    return _dense(layers, embed, heads, kv_heads, 128, mlp, 151936, tied)


def _gpt_oss(layers: int, experts: int) -> Architecture:
    base = _windowed(_dense(layers, 2880, 64, 8, 64, 0, 201088), 128, 1 / 2)
    return _mixed(base, 2880, experts, 4)


def _llama4(experts: int, dense_layers: int) -> Architecture:
    base = _windowed(_dense(48, 5120, 40, 8, 128, 0, 202048), 8192, 3 / 4)
    return _mixed(base, 8192, experts, 1, 8192, dense_layers, 16384)


def _gemma2(layers: int, embed: int, heads: int, kv: int, head: int, mlp: int) -> Architecture:
    return _windowed(_dense(layers, embed, heads, kv, head, mlp, 256000, tied=True), 4096, 1 / 2)


def _gemma3(layers: int, embed: int, heads: int, kv: int, head: int, mlp: int) -> Architecture:
    return _windowed(_dense(layers, embed, heads, kv, head, mlp, 262208, tied=True), 1024, 5 / 6)


def _gpt(layers: int, embed: int, heads: int, vocab: int, tied: bool = True) -> Architecture:
    """As many KV heads as heads, two matrices in an MLP of four widths."""
    base = _dense(layers, embed, heads, heads, embed // heads, 4 * embed, vocab, tied)
    return replace(base, gated=False)


_PRESET = {name: _of(config) for name, config in PRESETS.items()}
_DEEPSEEK_V3 = _mixed(_latent(61, 7168, 128, 129280, 1536), 2048, 256, 8, 2048, 3, 18432)

_KNOWN: tuple[tuple[str, Architecture], ...] = (
    (r"deepseek.?(v3|r1)", _DEEPSEEK_V3),
    (r"deepseek.?v2.?lite", _mixed(_latent(27, 2048, 16, 102400, 0), 1408, 64, 6, 2816, 1, 10944)),
    (r"kimi.?k2", _mixed(_latent(61, 7168, 64, 163840, 1536), 2048, 384, 8, 2048, 1, 18432)),
    (r"mimo.?v2.?flash", _mixed(
        _windowed(_dense(48, 4096, 64, 4, 160, 0, 152576), 128, 39 / 48),
        2048, 256, 8, 0, 1, 16384)),
    (r"gpt.?oss.?120b", _gpt_oss(36, 128)),
    (r"gpt.?oss.?20b", _gpt_oss(24, 32)),
    (r"llama.?4.?scout", _llama4(16, 0)),
    (r"llama.?4.?maverick", _llama4(128, 24)),
    (r"mixtral.?8x7b", _mixed(_dense(32, 4096, 32, 8, 128, 0, 32000), 14336, 8, 2)),
    (r"mixtral.?8x22b", _mixed(_dense(56, 6144, 48, 8, 128, 0, 32768), 16384, 8, 2)),
    (r"qwen.?3.*480b.?a35b", _mixed(_qwen3(62, 6144, 96, 8, 0), 2560, 160, 8)),
    (r"qwen.?3.*235b.?a22b", _mixed(_qwen3(94, 4096, 64, 4, 0), 1536, 128, 8)),
    (r"qwen.?3.*30b.?a3b", _mixed(_qwen3(48, 2048, 32, 4, 0), 768, 128, 8)),
    (r"qwen.?3(.?vl)?.?32b", _PRESET["qwen3-32b"]),
    (r"qwen.?3(.?vl)?.?14b", _qwen3(40, 5120, 40, 8, 17408)),
    (r"qwen.?3(.?vl)?.?8b", _PRESET["qwen3-8b"]),
    (r"qwen.?3(.?vl)?.?4b", _qwen3(36, 2560, 32, 8, 9728, tied=True)),
    (r"qwen.?3(.?vl)?.?1\.7b", _qwen3(28, 2048, 16, 8, 6144, tied=True)),
    (r"qwen.?3(.?vl)?.?0\.6b", _PRESET["qwen3-0.6b"]),
    (r"qwen.?2(\.5)?.*\b72b", _dense(80, 8192, 64, 8, 128, 29568, 152064)),
    (r"qwen.?2\.5.*\b32b", _dense(64, 5120, 40, 8, 128, 27648, 152064)),
    (r"qwen.?2\.5.*\b14b", _dense(48, 5120, 40, 8, 128, 13824, 152064)),
    (r"qwen.?2(\.5)?.*\b7b", _dense(28, 3584, 28, 4, 128, 18944, 152064)),
    (r"llama.?3(\.1)?.?405b", _dense(126, 16384, 128, 8, 128, 53248, 128256)),
    (r"llama.?3(\.[13])?.?70b", _PRESET["llama3-70b"]),
    (r"llama.?3(\.1)?.?8b", _PRESET["llama3-8b"]),
    (r"llama.?3\.2.?3b", _dense(28, 3072, 24, 8, 128, 8192, 128256, tied=True)),
    (r"llama.?3\.2.?1b", _dense(16, 2048, 32, 8, 64, 8192, 128256, tied=True)),
    (r"llama.?2.?70b", _PRESET["llama2-70b"]),
    (r"llama.?2.?13b", _PRESET["llama2-13b"]),
    (r"llama.?2.?7b", _PRESET["llama2-7b"]),
    (r"mistral.?7b", _PRESET["mistral-7b"]),
    (r"gemma.?3.?27b", _gemma3(62, 5376, 32, 16, 128, 21504)),
    (r"gemma.?3.?12b", _gemma3(48, 3840, 16, 8, 256, 15360)),
    (r"gemma.?3.?4b", _gemma3(34, 2560, 8, 4, 256, 10240)),
    (r"gemma.?2.?27b", _gemma2(46, 4608, 32, 16, 128, 36864)),
    (r"gemma.?2.?9b", _gemma2(42, 3584, 16, 8, 256, 14336)),
    (r"gemma.?2.?2b", _gemma2(26, 2304, 8, 4, 256, 9216)),
    (r"gemma.?7b", _dense(28, 3072, 16, 16, 256, 24576, 256000, tied=True)),
    (r"gemma.?2b", _dense(18, 2048, 8, 1, 256, 16384, 256000, tied=True)),
    (r"palm.?540b", _dense(118, 18432, 48, 1, 256, 73728, 256000, tied=True)),
    (r"palm.?62b", _dense(64, 8192, 32, 1, 256, 32768, 256000, tied=True)),
    (r"palm.?8b", _dense(32, 4096, 16, 1, 256, 16384, 256000, tied=True)),
    (r"mt.?nlg", _gpt(105, 20480, 128, 50257)),
    (r"gpt.?3.?175b", _gpt(96, 12288, 96, 50257)),
    (r"gpt.?j", _gpt(28, 4096, 16, 50400, tied=False)),
)  # fmt: skip


def known_sizes(name: str) -> Architecture | None:
    """The sizes of a model by its name, wherever they stand in it; None where it is not known."""
    for pattern, sizes in _KNOWN:
        if re.search(rf"(?<![a-z0-9]){pattern}(?![0-9])", name.lower()):
            return sizes
    return None


def sizes_of(row: Row) -> Architecture:
    """The sizes of a row's model: its columns', and what is known of the name besides.

    Raises LeftOutError where they say too little.
    """
    name = row.text("model")
    given: dict[str, Any] = {
        field: int(number)
        for column, field in _COLUMNS.items()
        if (number := row.number_or_none(column))
    }
    by_name = known_sizes(name)
    if by_name is not None:
        return replace(by_name, **given)
    if row.text("n_kv_heads").upper() == "MLA":
        raise LeftOutError(f"the latent attention of {name} is not known")
    if len(given) < len(_COLUMNS):
        raise LeftOutError(f"the sizes of {name} are not in the file, nor known by its name")
    total, active = row.number_or_none("params_total_B"), row.number_or_none("params_active_B")
    return inferred(
        Architecture(**given), total * 1e9 if total else None, active * 1e9 if active else None
    )


_SPELLINGS = {
    "float32": ("fp32", "float32"),
    "bfloat16": ("bf16", "bfloat16"),
    "float16": ("fp16", "float16"),
    "float8_e4m3fn": ("fp8",),
    "int8": ("int8", "q8_0"),
    "int4": ("int4", "q4_0", "q4_k_m"),
    "float4_e2m1fn": ("fp4", "nvfp4", "mxfp4"),
}
_DTYPES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
"""Spelling in published tables -> the dtype's name here."""

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


def formats(weights: str, operands: str = "", cache: str = "") -> Formats:
    """From a table's words; '?' and an empty cell mean as the operands, these as 'bf16'.

    Weights in blocks of 4 bits are widened before they are multiplied.

    Raises LeftOutError for a dtype that is not known.
    """
    weight_bytes = _lookup(weights)[1]
    name, operand_bytes = _lookup(operands or "bf16")
    cache_bytes = _lookup(cache)[1] if _clean(cache) else operand_bytes
    narrowing = math.log2(operand_bytes / weight_bytes)
    return Formats(Widths(weight_bytes, cache_bytes, operand_bytes), name, narrowing)


def formats_of(row: Row) -> Formats:
    """Of a row with columns w_dtype, act_dtype and kv_dtype.

    Raises LeftOutError for a dtype that is not known.
    """
    return formats(row.text("w_dtype"), row.text("act_dtype"), row.text("kv_dtype"))


def _clean(text: str) -> str:
    return text.replace("?", "").strip().lower()


def _lookup(text: str) -> tuple[str, float]:
    """The dtype's name, and bytes of an element with its scales."""
    if _clean(text) not in _DTYPES:
        raise LeftOutError(f"the dtype {text!r} is not known")
    name = _DTYPES[_clean(text)]
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
    ("TensorRT-LLM", r"tensorrt|trt-llm"),
    ("SGLang", r"sglang"),
    ("vLLM", r"vllm"),
)
"""The first that is found counts: those that contain another's name come before it."""


def stack_of(row: Row) -> str:
    """The stack that source, place, topology or notes name, else the source's first words."""
    columns = ("source", "location", "parallelism_topology", "provenance", "notes")
    text = " ".join(row.text(column) for column in columns).lower()
    for name, pattern in _STACKS:
        if re.search(pattern, text):
            return name
    return re.split(r"[(,@]", row.text("source"))[0].strip()
