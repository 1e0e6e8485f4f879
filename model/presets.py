"""Public configurations by name. Source: each model's config.json on its publisher's hub page.

The parameter counts that follow from them are tested against the published ones.
"""

from difflib import get_close_matches

from .config import ModelConfig
from .errors import ModelInputError


def _smollm2(
    size: str, layers: int, embed: int, heads: int, kv_heads: int, mlp: int, theta: float
) -> ModelConfig:
    return ModelConfig(
        name=f"smollm2-{size}", family="llama", layers=layers, embed_dim=embed,
        query_heads=heads, kv_heads=kv_heads, head_dim=64, mlp_dim=mlp, vocab_size=49152,
        context_length=8192, rope_theta=theta, norm_eps=1e-5, tied_embeddings=True,
    )  # fmt: skip


def _llama(
    name: str, layers: int, embed: int, heads: int, kv_heads: int, mlp: int,
    vocab: int, context: int, theta: float,
) -> ModelConfig:  # fmt: skip
    return ModelConfig(
        name=name, family="llama", layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=kv_heads, head_dim=128, mlp_dim=mlp, vocab_size=vocab, context_length=context,
        rope_theta=theta, norm_eps=1e-5, tied_embeddings=False,
    )  # fmt: skip


def _qwen3(size: str, layers: int, embed: int, heads: int, mlp: int, tied: bool) -> ModelConfig:
    return ModelConfig(
        name=f"qwen3-{size}", family="qwen3", layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=8, head_dim=128, mlp_dim=mlp, vocab_size=151936, context_length=40960,
        rope_theta=1e6, norm_eps=1e-6, tied_embeddings=tied, qk_norm=True,
    )  # fmt: skip


_MISTRAL_7B_V0_3 = ModelConfig(
    name="mistral-7b", family="mistral", layers=32, embed_dim=4096, query_heads=32, kv_heads=8,
    head_dim=128, mlp_dim=14336, vocab_size=32768, context_length=32768, rope_theta=1e6,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip

PRESETS: dict[str, ModelConfig] = {
    config.name: config
    for config in (
        _smollm2("135m", 30, 576, 9, 3, 1536, 1e5),
        _smollm2("360m", 32, 960, 15, 5, 2560, 1e5),
        _smollm2("1.7b", 24, 2048, 32, 32, 8192, 1.3e5),
        _llama("llama2-7b", 32, 4096, 32, 32, 11008, 32000, 4096, 1e4),
        _llama("llama2-13b", 40, 5120, 40, 40, 13824, 32000, 4096, 1e4),
        _llama("llama2-70b", 80, 8192, 64, 8, 28672, 32000, 4096, 1e4),
        _llama("llama3-8b", 32, 4096, 32, 8, 14336, 128256, 8192, 5e5),
        _llama("llama3-70b", 80, 8192, 64, 8, 28672, 128256, 8192, 5e5),
        _qwen3("0.6b", 28, 1024, 16, 3072, True),
        _qwen3("8b", 36, 4096, 32, 12288, False),
        _qwen3("32b", 64, 5120, 64, 25600, False),
        _MISTRAL_7B_V0_3,
    )
}


def preset(name: str) -> ModelConfig:
    """The preset called `name` (any case); `ModelInputError` lists the near names."""
    found = PRESETS.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), PRESETS, n=3) or sorted(PRESETS)
        raise ModelInputError(
            f"unknown model '{name}': did you mean {', '.join(near)}? "
            "`rooflink models` lists the presets; a path to a .gguf file or to a "
            "Hugging Face folder works too."
        )
    return found
