"""ModelConfig from a Hugging Face config.json: what each family means where its files do not say,
the pattern of its layers, and the mixtures of experts that they have.

Defaults are those of transformers' configuration classes (5.24), for fields that published files
omit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..config import ModelConfig, ModelInputError
from ..styles import LLAMA_STYLE, STYLES, Family, LayerKind, Mixture, Style
from .hf_config import (
    Fields,
    checked,
    count_of,
    full_layers,
    last_layers,
    model_name,
    mtp_layers,
    rope_fields,
    rope_scaling,
    rotating_layers,
    scaled_attention,
    scaled_context,
    unsupported,
    windowed_types,
)

if TYPE_CHECKING:
    from .published_layers import GivenSizes

Pattern = tuple[LayerKind, ...]


class MixtureDefaults(NamedTuple):
    """What a config.json of a family means where it does not say."""

    experts: int
    active: int | None  # None: a file states it
    width: int | None = None  # of an expert; None: 'intermediate_size' is
    shared: int = 0  # experts that every token visits
    dense_first: int = 0
    mixture: Mixture = Mixture()


class MixtureFields(NamedTuple):
    """Of one model; a dense model has one expert, its MLP."""

    mlp_dim: int
    experts: int = 1
    active_experts: int = 1
    shared_mlp_dim: int = 0
    dense_mlp_dim: int = 0
    mixture: Mixture | None = None
    mixed: tuple[bool, ...] = ()  # for each layer, whether it has experts


@dataclass(frozen=True)
class _Family:
    """What a config.json of a family means where it does not say."""

    context: int
    kv_heads: int | None = None  # None: as many as query heads
    head_dim: int | None = None  # None: the width divided by the heads
    theta: float = 10000.0
    rotated_share: float = 1.0
    eps: float = 1e-6
    eps_key: str = "rms_norm_eps"
    tied: bool = False
    window: int | None = None
    full_every: int = 0  # of layers with a window every so many has none; 0 for no such layers
    gated: bool = True
    heads: int | None = None  # None: a file states it
    vocab_size: int | None = None
    biases: Literal["file", "always", "never", "heads"] = "file"  # 'heads': not the output's
    biased: bool = False  # where the file does not say
    mixture: MixtureDefaults | None = None


_DEEPSEEK_V3 = MixtureDefaults(256, 8, 2048, 1, 3, Mixture(
    scores="sigmoid", corrected=True, scale=2.5, groups=8, chosen_groups=4))  # fmt: skip
FAMILIES: dict[str, _Family] = {
    "llama": _Family(2048),
    "qwen2": _Family(32768, 32, window=4096, biases="always"),
    "qwen3": _Family(32768, 32, 128, window=4096),
    "mistral": _Family(131072, 8, window=4096, biases="never"),
    "gemma2": _Family(8192, 4, 256, tied=True, window=4096, full_every=2),
    "gemma3_text": _Family(
        131072, 4, 256, 1e6, tied=True, window=4096, full_every=6, heads=8, vocab_size=262208
    ),
    "phi3": _Family(4096, eps=1e-5, biases="never"),
    "olmo2": _Family(2048, eps=1e-5),
    "smollm3": _Family(32768, 4, theta=2e6, tied=True),
    "glm4": _Family(131072, 2, 128, rotated_share=0.5, eps=1.5625e-7, biases="heads", biased=True),
    "nemotron": _Family(4096, rotated_share=0.5, eps=1e-5, eps_key="norm_eps", gated=False),
    "mixtral": _Family(131072, 8, theta=1e6, eps=1e-5, biases="never",
                       mixture=MixtureDefaults(8, 2)),
    "qwen3_moe": _Family(32768, 4, window=4096, mixture=MixtureDefaults(
        128, 8, 768, mixture=Mixture(normalised=False))),
    "gpt_oss": _Family(131072, 8, 64, 150000.0, eps=1e-5, window=128, full_every=2, biased=True,
                       mixture=MixtureDefaults(128, 4, mixture=Mixture(biased=True, limit=7.0))),
    "glm4_moe": _Family(131072, 8, rotated_share=0.5, eps=1e-5, biases="heads",
                        mixture=MixtureDefaults(128, 8, 1408, 1, 1, Mixture(
                            scores="sigmoid", corrected=True))),
    "deepseek_v2": _Family(2048, biases="never", mixture=MixtureDefaults(
        64, None, 1407, 2, 0, Mixture(normalised=False))),
    "deepseek_v3": _Family(4096, 128, biases="never", mixture=_DEEPSEEK_V3),
    "kimi_k2": _Family(4096, 128, biases="never", mixture=_DEEPSEEK_V3),
}  # fmt: skip
"""By model_type."""

_NEAREST: dict[str, Family] = {
    "deepseek_v32": "deepseek_v3", "glm_moe_dsa": "deepseek_v3", "minimax_m2": "glm4_moe",
    "nemotron_h": "nemotron", "qwen2_moe": "qwen3_moe", "qwen3_5_moe_text": "qwen3_moe",
    "qwen3_5_text": "qwen3", "qwen3_next": "qwen3_moe",
}  # fmt: skip
"""The family that runs and is most like one that does not, where spelling does not tell."""

_QK_NORM = ("qwen3", "qwen3_moe", "gemma3_text", "olmo2")
LATENT: tuple[Family, ...] = ("deepseek_v2", "deepseek_v3", "kimi_k2")
"""Families with latent attention."""
_ACTIVATIONS: dict[str, Literal["silu", "gelu", "relu2"]] = {
    "silu": "silu", "swish": "silu", "gelu_pytorch_tanh": "gelu", "relu2": "relu2",
}  # fmt: skip


def hf_config(fields: Fields) -> ModelConfig:
    """The configuration that a config.json of these `fields` states. Raises ModelInputError for a
    field that is missing or ill-typed, or a model that is not supported."""
    model_type = fields.text("model_type")
    if model_type not in FAMILIES:
        spelt = get_close_matches(model_type[:100], FAMILIES, n=1, cutoff=0.8)
        nearest = _NEAREST.get(model_type, *spelt)
        instead = f"{', '.join(FAMILIES)} are"
        if nearest is not None:
            instead = f"the nearest that runs is {nearest}"
        what = f"{instead}; `rooflink predict` tells the cost of more"
        raise unsupported(fields.where, f"has model_type '{model_type}'", what)
    if fields.flag("mlp_bias", False):
        raise unsupported(fields.where, "sets mlp_bias", "MLPs without are")
    key = _activation_key(model_type)
    if (activation := fields.get(key)) not in (None, *_ACTIVATIONS):
        what = f"has {key} '{activation}'"
        raise unsupported(fields.where, what, f"{', '.join(_ACTIVATIONS)} are")
    config = family_config(fields, model_name(Path(fields.where).parent.resolve().name))
    rope = rope_fields(fields)
    scaling = rope_scaling(rope, _context(fields))
    if config.latent_dim:
        width = config.head_dim + config.rotated_dim
        config = replace(config, attention_scale=scaled_attention(rope, width))
    return replace(config, rope_scaling=scaling)


def family_config(fields: Fields, name: str) -> ModelConfig:
    """The model that `fields` describe, of one of `FAMILIES`, by its shape alone: how it is stored
    and how its positions are scaled is left out."""
    model_type: Family = fields.text("model_type")  # type: ignore[assignment]
    usual = FAMILIES[model_type]
    embed_dim, layers = fields.integer("hidden_size"), fields.integer("num_hidden_layers")
    heads = fields.integer("num_attention_heads", usual.heads)
    head_dim = fields.integer("head_dim", usual.head_dim or max(embed_dim // heads, 1))
    heads_of = {"head_dim": head_dim, **_latent_sizes(fields, layers)}
    rope = rope_fields(fields)
    share = rope.number("partial_rotary_factor", usual.rotated_share)
    context = scaled_context(rope, _context(fields))
    window, kinds = _kinds(fields, usual, layers, context)
    mixed = MixtureFields(fields.integer("intermediate_size"))
    if usual.mixture is not None:
        mixed = mixture_fields(fields, usual.mixture, layers)
        kinds = [replace(one, experts=has) for one, has in zip(kinds, mixed.mixed, strict=True)]
    prefix, pattern = patterned(kinds)
    qkv_bias, output_bias = _biases(fields, usual)
    is_gemma = model_type in ("gemma2", "gemma3_text")
    local = rope_fields(fields, "sliding_attention")
    config = ModelConfig(
        name=name,
        family=model_type,
        layers=layers,
        embed_dim=embed_dim,
        query_heads=heads,
        kv_heads=_kv_heads(fields, usual, heads),
        **heads_of,
        mtp_layers=mtp_layers(fields),
        mlp_dim=mixed.mlp_dim,
        experts=mixed.experts,
        active_experts=mixed.active_experts,
        shared_mlp_dim=mixed.shared_mlp_dim,
        dense_mlp_dim=mixed.dense_mlp_dim,
        mixture=mixed.mixture,
        vocab_size=fields.integer("vocab_size", usual.vocab_size),
        context_length=context,
        rope_theta=rope.number("rope_theta", usual.theta),
        norm_eps=fields.number(
            "norm_eps" if model_type == "nemotron" else "rms_norm_eps", usual.eps
        ),
        tied_embeddings=fields.flag("tie_word_embeddings", usual.tied),
        gated=usual.gated,
        window=window,
        qkv_bias=qkv_bias,
        output_bias=output_bias,
        qk_norm=model_type in _QK_NORM or fields.flag("use_qk_norm", False),
        rotary_dim=int(head_dim * share) if share != 1.0 else None,
        local_rope_theta=_local_theta(fields, local) if model_type == "gemma3_text" else None,
        attention_scale=fields.number("query_pre_attn_scalar", 256) ** -0.5 if is_gemma else None,
        attention_softcap=_softcap(fields, "attn_logit_softcapping", model_type, 50.0),
        logit_softcap=_softcap(fields, "final_logit_softcapping", model_type, 30.0),
        style=_style(fields, model_type),
        prefix=prefix,
        pattern=pattern,
    )
    return checked(config, fields.where)


def _latent_sizes(fields: Fields, layers: int) -> "GivenSizes":
    """Sizes of latent attention; none of a family without. Raises ModelInputError for what its
    files may say and is not run."""
    if fields.text("model_type") not in LATENT:
        return {}
    from .published_layers import latent_attention  # which few models need

    if count_of(fields, "moe_layer_freq", 1) != 1:
        raise unsupported(fields.where, "has experts in some layers alone", "those after dense are")
    return latent_attention(fields, layers)


def _context(fields: Fields) -> int:
    """Positions that the model was made for."""
    usual = FAMILIES[fields.text("model_type")].context
    return fields.integer("max_position_embeddings", usual)


def _kv_heads(fields: Fields, usual: _Family, heads: int) -> int:
    """Llama 1 and 2 files predate grouped heads; null says that there are none elsewhere too."""
    stated = "num_key_value_heads" in fields
    return fields.integer("num_key_value_heads", heads if stated else usual.kv_heads or heads)


def _kinds(
    fields: Fields, usual: _Family, layers: int, context: int
) -> tuple[int | None, list[LayerKind]]:
    """(the window, what each layer is). A window as long as the context is none."""
    model_type = fields.text("model_type")
    is_stated = fields.get("sliding_window") is not None
    window = fields.integer("sliding_window", usual.window) if is_stated or usual.window else None
    if "sliding_window" in fields and not is_stated:
        window = None
    rotating, windowed = [True] * layers, [False] * layers
    if model_type == "smollm3":
        rotating = rotating_layers(fields, layers)
        if window and fields.get("layer_types") is not None:
            windowed = windowed_types(fields, layers)
        elif window and fields.flag("use_sliding_window", False):
            windowed = [not rotates for rotates in rotating]
    elif window and model_type in ("qwen2", "qwen3", "qwen3_moe"):
        windowed = last_layers(fields, layers)
    elif window and usual.full_every:
        windowed = full_layers(fields, layers, usual.full_every)
    elif window and model_type in ("mistral", "mixtral", "phi3"):
        windowed = [True] * layers
    if window is None or window >= context or not any(windowed):
        window, windowed = None, [False] * layers
    return window, [LayerKind(*each) for each in zip(windowed, rotating, strict=True)]


def _biases(fields: Fields, usual: _Family) -> tuple[bool, bool]:
    """Whether the projections of heads have one, and that of their result. Of qwen2, transformers
    itself passes over flags."""
    if usual.biases == "always":
        return True, False
    stated = fields.flag("attention_bias", usual.biased)
    if stated and usual.biases == "never":
        raise unsupported(fields.where, "sets attention_bias", "its family has no biases")
    return stated, stated and usual.biases != "heads"


def _local_theta(fields: Fields, local: Fields) -> float:
    """Of Gemma 3's layers with a window."""
    stated = local.get("rope_theta") if "rope_parameters" in fields else None
    return local.number("rope_theta") if stated else fields.number("rope_local_base_freq", 10000.0)


def _softcap(fields: Fields, key: str, model_type: str, gemma2: float) -> float | None:
    """A cap that Gemma 2 has where its file does not say, and Gemma 3 where it does."""
    if fields.get(key) is not None:
        return fields.number(key)
    return gemma2 if model_type == "gemma2" and key not in fields else None


def _style(fields: Fields, model_type: Family) -> Style:
    """With the activation that the file states, if it is one of ours."""
    style = STYLES.get(model_type, LLAMA_STYLE)
    stated = _ACTIVATIONS.get(fields.text(_activation_key(model_type), ""), style.activation)
    adjacent = fields.flag("rope_interleave", style.adjacent_pairs)
    return replace(style, activation=stated, adjacent_pairs=adjacent)


def _activation_key(model_type: str) -> str:
    return "hidden_activation" if model_type.startswith("gemma") else "hidden_act"


def patterned(kinds: Sequence[LayerKind]) -> tuple[Pattern, Pattern]:
    """(prefix, pattern) of layers of these kinds: a pattern from the first layer on, or one behind
    the first layers of one kind where that makes fewer stacks."""
    whole = kinds[: _period(kinds)]
    run = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), len(kinds))
    rest = kinds[run:]
    behind = rest[: _period(rest)]
    if rest and 1 + len(behind) < len(whole):
        return tuple(kinds[:run]), tuple(behind)
    return (), tuple(whole)


def _period(kinds: Sequence[LayerKind]) -> int:
    """After how many of `kinds` they come again (Knuth, Morris & Pratt 1977: their number less the
    longest beginning that is an end too)."""
    borders = [0] * len(kinds)
    for i in range(1, len(kinds)):
        border = borders[i - 1]
        while border and kinds[i] != kinds[border]:
            border = borders[border - 1]
        borders[i] = border + (kinds[i] == kinds[border])
    return len(kinds) - borders[-1] if kinds else 0


def mixture_fields(fields: Fields, usual: MixtureDefaults, layers: int) -> MixtureFields:
    """The mixture that `fields` describe. Raises ModelInputError for an ill-typed field."""
    names = ("num_local_experts", "num_experts", "n_routed_experts")
    key = next((name for name in names if fields.get(name) is not None), "num_experts")
    dense = fields.integer("intermediate_size")
    width = dense if usual.width is None else fields.integer("moe_intermediate_size", usual.width)
    shared = count_of(fields, "n_shared_experts", usual.shared)
    mixed = _mixed_layers(fields, usual, layers)
    experts = fields.integer(key, usual.experts)
    active = fields.integer("num_experts_per_tok", usual.active)
    if active > experts or not any(mixed):
        problem = f"sends a token to {active} of {experts} experts"
        if not any(mixed):
            problem = f"has {layers} dense layers of {layers}, and experts"
        raise ModelInputError(
            f"{fields.where} {problem}: the file is damaged or of an unknown kind."
        )
    return MixtureFields(
        mlp_dim=width,
        experts=experts,
        active_experts=active,
        shared_mlp_dim=shared * width,
        dense_mlp_dim=0 if all(mixed) else dense,
        mixture=_mixture(fields, usual.mixture),
        mixed=tuple(mixed),
    )


def _mixture(fields: Fields, usual: Mixture) -> Mixture:
    if usual.biased:
        return Mixture(biased=True, limit=fields.number("swiglu_limit", usual.limit))
    choice = fields.text("topk_method", "greedy" if usual.scores == "softmax" else "noaux_tc")
    if choice not in ("greedy", "group_limited_greedy", "noaux_tc"):
        what = f"chooses experts by the rule '{choice}'"
        raise unsupported(fields.where, what, "greedy, group_limited_greedy and noaux_tc are")
    if fields.text("scoring_func", usual.scores) != usual.scores:
        what = f"scores experts by {fields.get('scoring_func')!r}"
        raise unsupported(fields.where, what, f"{usual.scores} is of its family")
    return Mixture(
        scores=usual.scores,
        corrected=usual.corrected,
        normalised=fields.flag("norm_topk_prob", usual.normalised),
        scale=fields.number("routed_scaling_factor", usual.scale),
        groups=1 if choice == "greedy" else fields.integer("n_group", usual.groups),
        chosen_groups=fields.integer("topk_group", usual.chosen_groups),
        group_best=2 if usual.corrected else 1,
    )


def _mixed_layers(fields: Fields, usual: MixtureDefaults, layers: int) -> list[bool]:
    first = count_of(fields, "first_k_dense_replace", usual.dense_first)
    step = fields.integer("decoder_sparse_step", 1)
    dense = fields.get("mlp_only_layers") or []
    if not isinstance(dense, list) or not all(type(layer) is int for layer in dense):
        raise ModelInputError(f"{fields.where} has 'mlp_only_layers' that are no whole numbers.")
    return [
        layer >= first and (layer + 1) % step == 0 and layer not in dense for layer in range(layers)
    ]
