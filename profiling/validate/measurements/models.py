"""The model of a row: sizes from its columns, and by name what columns cannot say.

Source of the sizes: each model's config.json on its publisher's hub page; those of PaLM, MT-NLG
and GPT-3 from their papers (arXiv:2204.02311, 2201.11990, 2005.14165).
"""

import re
from dataclasses import replace
from typing import Any

from ....model.config import ModelConfig
from ....model.presets import PRESETS
from ...predict.sizes import LATENT_HEAD_DIM, LATENT_KV_HEADS, Sizes
from .inferring import inferred
from .table import LeftOutError, Row

_COLUMNS = {
    "layers": "layers",
    "d_model": "embed_dim",
    "n_heads": "query_heads",
    "n_kv_heads": "kv_heads",
    "head_dim": "head_dim",
    "d_ff": "mlp_dim",
    "vocab": "vocab_size",
}


def _of(config: ModelConfig) -> Sizes:
    return Sizes(
        config.layers, config.embed_dim, config.query_heads, config.kv_heads, config.head_dim,
        config.mlp_dim, config.vocab_size, tied=config.tied_embeddings,
    )  # fmt: skip


def _latent(layers: float, embed: float, heads: float, vocab: float, query_rank: float) -> Sizes:
    """DeepSeek's attention: heads of 128 + 64 rotated, compressed to 512; `query_rank` 0: none."""
    query = query_rank * (embed + heads * 192) if query_rank else embed * heads * 192
    key_value = embed * 576 + 512 * heads * 256
    return Sizes(
        layers, embed, heads, LATENT_KV_HEADS, LATENT_HEAD_DIM, 0, vocab,
        latent_parameters=query + key_value + heads * 128 * embed,
    )  # fmt: skip


def _mixed(
    base: Sizes, width: float, experts: float, active: float,
    shared: float = 0, dense_layers: float = 0, dense_width: float = 0,
) -> Sizes:  # fmt: skip
    return replace(
        base, mlp_dim=width, experts=experts, experts_per_token=active, shared_mlp_dim=shared,
        dense_layers=dense_layers, dense_mlp_dim=dense_width,
    )  # fmt: skip


def _qwen3(layers: float, embed: float, heads: float, kv_heads: float, mlp: float) -> Sizes:
    return Sizes(layers, embed, heads, kv_heads, 128, mlp, 151936)


def _gpt_oss(layers: float, experts: float) -> Sizes:
    base = Sizes(layers, 2880, 64, 8, 64, 0, 201088, window=128, windowed_share=1 / 2)
    return _mixed(base, 2880, experts, 4)


def _llama4(experts: float, dense_layers: float) -> Sizes:
    base = Sizes(48, 5120, 40, 8, 128, 0, 202048, window=8192, windowed_share=3 / 4)
    return _mixed(base, 8192, experts, 1, 8192, dense_layers, 16384)


def _gemma2(layers: float, embed: float, heads: float, kv: float, head: float, mlp: float) -> Sizes:
    return Sizes(
        layers, embed, heads, kv, head, mlp, 256000, tied=True, window=4096, windowed_share=1 / 2
    )


def _gemma3(layers: float, embed: float, heads: float, kv: float, head: float, mlp: float) -> Sizes:
    return Sizes(
        layers, embed, heads, kv, head, mlp, 262208, tied=True, window=1024, windowed_share=5 / 6
    )


def _plain(layers: float, embed: float, heads: float, vocab: float, mlp: float = 0) -> Sizes:
    """A GPT: as many KV heads as heads, two matrices in an MLP of four widths, tied tables."""
    return Sizes(
        layers, embed, heads, heads, embed / heads, mlp or 4 * embed, vocab, gated=False, tied=True
    )


_LLAMA = {name: _of(config) for name, config in PRESETS.items()}
_DEEPSEEK_V3 = _mixed(_latent(61, 7168, 128, 129280, 1536), 2048, 256, 8, 2048, 3, 18432)

_KNOWN: tuple[tuple[str, Sizes], ...] = (
    (r"deepseek.?(v3|r1)", _DEEPSEEK_V3),
    (r"deepseek.?v2.?lite", _mixed(_latent(27, 2048, 16, 102400, 0), 1408, 64, 6, 2816, 1, 10944)),
    (r"kimi.?k2", _mixed(_latent(61, 7168, 64, 163840, 1536), 2048, 384, 8, 2048, 1, 18432)),
    (r"mimo.?v2.?flash", _mixed(
        Sizes(48, 4096, 64, 4, 160, 0, 152576, window=128, windowed_share=39 / 48),
        2048, 256, 8, 0, 1, 16384)),
    (r"gpt.?oss.?120b", _gpt_oss(36, 128)),
    (r"gpt.?oss.?20b", _gpt_oss(24, 32)),
    (r"llama.?4.?scout", _llama4(16, 0)),
    (r"llama.?4.?maverick", _llama4(128, 24)),
    (r"mixtral.?8x7b", _mixed(Sizes(32, 4096, 32, 8, 128, 0, 32000), 14336, 8, 2)),
    (r"mixtral.?8x22b", _mixed(Sizes(56, 6144, 48, 8, 128, 0, 32768), 16384, 8, 2)),
    (r"qwen.?3.*480b.?a35b", _mixed(_qwen3(62, 6144, 96, 8, 0), 2560, 160, 8)),
    (r"qwen.?3.*235b.?a22b", _mixed(_qwen3(94, 4096, 64, 4, 0), 1536, 128, 8)),
    (r"qwen.?3.*30b.?a3b", _mixed(_qwen3(48, 2048, 32, 4, 0), 768, 128, 8)),
    (r"qwen.?3(.?vl)?.?32b", _LLAMA["qwen3-32b"]),
    (r"qwen.?3(.?vl)?.?14b", _qwen3(40, 5120, 40, 8, 17408)),
    (r"qwen.?3(.?vl)?.?8b", _LLAMA["qwen3-8b"]),
    (r"qwen.?3(.?vl)?.?4b", replace(_qwen3(36, 2560, 32, 8, 9728), tied=True)),
    (r"qwen.?3(.?vl)?.?1\.7b", replace(_qwen3(28, 2048, 16, 8, 6144), tied=True)),
    (r"qwen.?3(.?vl)?.?0\.6b", _LLAMA["qwen3-0.6b"]),
    (r"qwen.?2(\.5)?.*\b72b", Sizes(80, 8192, 64, 8, 128, 29568, 152064)),
    (r"qwen.?2\.5.*\b32b", Sizes(64, 5120, 40, 8, 128, 27648, 152064)),
    (r"qwen.?2\.5.*\b14b", Sizes(48, 5120, 40, 8, 128, 13824, 152064)),
    (r"qwen.?2(\.5)?.*\b7b", Sizes(28, 3584, 28, 4, 128, 18944, 152064)),
    (r"llama.?3(\.1)?.?405b", Sizes(126, 16384, 128, 8, 128, 53248, 128256)),
    (r"llama.?3(\.[13])?.?70b", _LLAMA["llama3-70b"]),
    (r"llama.?3(\.1)?.?8b", _LLAMA["llama3-8b"]),
    (r"llama.?3\.2.?3b", Sizes(28, 3072, 24, 8, 128, 8192, 128256, tied=True)),
    (r"llama.?3\.2.?1b", Sizes(16, 2048, 32, 8, 64, 8192, 128256, tied=True)),
    (r"llama.?2.?70b", _LLAMA["llama2-70b"]),
    (r"llama.?2.?13b", _LLAMA["llama2-13b"]),
    (r"llama.?2.?7b", _LLAMA["llama2-7b"]),
    (r"mistral.?7b", _LLAMA["mistral-7b"]),
    (r"gemma.?3.?27b", _gemma3(62, 5376, 32, 16, 128, 21504)),
    (r"gemma.?3.?12b", _gemma3(48, 3840, 16, 8, 256, 15360)),
    (r"gemma.?3.?4b", _gemma3(34, 2560, 8, 4, 256, 10240)),
    (r"gemma.?2.?27b", _gemma2(46, 4608, 32, 16, 128, 36864)),
    (r"gemma.?2.?9b", _gemma2(42, 3584, 16, 8, 256, 14336)),
    (r"gemma.?2.?2b", _gemma2(26, 2304, 8, 4, 256, 9216)),
    (r"gemma.?7b", Sizes(28, 3072, 16, 16, 256, 24576, 256000, tied=True)),
    (r"gemma.?2b", Sizes(18, 2048, 8, 1, 256, 16384, 256000, tied=True)),
    (r"palm.?540b", Sizes(118, 18432, 48, 1, 256, 73728, 256000, tied=True)),
    (r"palm.?62b", Sizes(64, 8192, 32, 1, 256, 32768, 256000, tied=True)),
    (r"palm.?8b", Sizes(32, 4096, 16, 1, 256, 16384, 256000, tied=True)),
    (r"mt.?nlg", _plain(105, 20480, 128, 50257)),
    (r"gpt.?3.?175b", _plain(96, 12288, 96, 50257)),
    (r"gpt.?j", replace(_plain(28, 4096, 16, 50400), tied=False)),
)  # fmt: skip


def known_sizes(name: str) -> Sizes | None:
    """The sizes of a model by its name, wherever they stand in it; None where it is not known."""
    for pattern, sizes in _KNOWN:
        if re.search(rf"(?<![a-z0-9]){pattern}(?![0-9])", name.lower()):
            return sizes
    return None


def sizes_of(row: Row) -> Sizes:
    """The sizes of a row's model: its columns', and what is known of the name besides.

    Raises LeftOutError where they say too little.
    """
    name = row.text("model")
    given: dict[str, Any] = {
        field: number for column, field in _COLUMNS.items() if (number := row.known(column))
    }
    known = known_sizes(name)
    if known is not None:
        return replace(known, **given)
    if row.text("n_kv_heads").upper() == "MLA":
        raise LeftOutError(f"the latent attention of {name} is not known")
    if len(given) < len(_COLUMNS):
        raise LeftOutError(f"the sizes of {name} are not in the file, nor known by its name")
    total, active = row.known("params_total_B"), row.known("params_active_B")
    return inferred(
        Sizes(**given), total * 1e9 if total else None, active * 1e9 if active else None
    )
