"""A published model's sizes without its weights: from its config.json alone, for many more kinds of
model than run here. What a model costs depends on these alone.

Defaults are those of transformers' configuration classes (5.24).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..architecture import Architecture
from ..config import ModelConfig, ModelInputError
from .families import FAMILIES, family_config
from .hf_config import (
    Fields,
    count_of,
    model_name,
    mtp_layers,
    read_json,
    require_size,
    unsupported,
    windowed_types,
)
from .published_layers import (
    GivenSizes,
    delta_net,
    gemma4,
    latent_attention,
    llama4,
    nemotron_h,
)
from .quantisation import StoredWeights, stored_weights


@dataclass(frozen=True, kw_only=True)
class PublishedModel(Architecture):
    """An architecture that is costed and never run, with the positions it was made for."""

    context_length: int


@dataclass(frozen=True)
class Sizes:
    """`architecture` is what predictions take; `config` what the transformer here would run or be
    counted as, None where it has no code for it."""

    architecture: PublishedModel | ModelConfig
    config: ModelConfig | None
    stored: StoredWeights | None = None  # where they are quantised, and are said to be


@dataclass(frozen=True)
class _Kind:
    """What a config.json of one model_type means where it does not say."""

    tied: bool = False
    gated: bool = True
    head_dim: int | None = None  # None: the width divided by the heads
    window: int | None = None
    full_every: int = 1  # of the layers, every so many attends to all positions; 0 for none
    experts: int = 0
    active: int = 0
    expert_dim: int | None = None  # None: 'intermediate_size' is an expert's
    shared_experts: int = 0
    shared_dim: int = 0
    dense_layers: int = 0
    layer_kinds: Callable[[Fields, int], GivenSizes] | None = None  # sizes besides


_KINDS = {
    "cohere": _Kind(tied=True),
    "cohere2": _Kind(tied=True, head_dim=128, window=4096, full_every=4),
    "deepseek_v32": _Kind(experts=256, active=8, expert_dim=2048, shared_experts=1, dense_layers=3,
                          layer_kinds=latent_attention),
    "exaone4": _Kind(window=4096, full_every=4),
    "gemma": _Kind(tied=True, head_dim=256),
    "gemma4_text": _Kind(tied=True, head_dim=256, window=512, full_every=6, layer_kinds=gemma4),
    "glm_moe_dsa": _Kind(experts=256, active=8, expert_dim=2048, shared_experts=1, dense_layers=3,
                         layer_kinds=latent_attention),
    "granite": _Kind(),
    "granitemoe": _Kind(experts=8, active=2),
    "hunyuan_v1_dense": _Kind(),
    "llama4_text": _Kind(head_dim=128, experts=16, active=1, layer_kinds=llama4),
    "minimax_m2": _Kind(head_dim=128, full_every=0, experts=256, active=8),
    "nemotron_h": _Kind(gated=False, layer_kinds=nemotron_h),
    "olmoe": _Kind(experts=64, active=8),
    "phimoe": _Kind(full_every=0, experts=16, active=2),
    "qwen2_moe": _Kind(experts=60, active=4, expert_dim=1408, shared_dim=5632),
    "qwen3_5_moe_text": _Kind(head_dim=256, experts=256, active=8, expert_dim=512, shared_dim=512,
                              layer_kinds=delta_net),
    "qwen3_5_text": _Kind(head_dim=256, layer_kinds=delta_net),
    "qwen3_next": _Kind(head_dim=256, experts=512, active=10, expert_dim=512, shared_dim=512,
                        layer_kinds=delta_net),
    "seed_oss": _Kind(head_dim=128),
    "starcoder2": _Kind(tied=True, gated=False, full_every=0),
}  # fmt: skip
"""By model_type: those whose sizes follow from the fields read here."""
_INSTEAD = "predict its cost from a .toml file of sizes"


def hf_sizes(path: Path, name: str = "") -> Sizes:
    """The sizes in the config.json at `path`. Raises ModelInputError for what is not one, lacks a
    field, or describes a model whose sizes are not told by what is read here."""
    outer = read_json(path)
    inner = outer.get("text_config")  # of a model that also sees: its reader of text
    whole = Fields(inner | outer if isinstance(inner, dict) else outer, str(path))
    return replace(_sizes(outer, inner, path, name), stored=stored_weights(whole))


def _sizes(outer: dict[str, object], inner: object, path: Path, name: str) -> Sizes:
    tied = {key: outer[key] for key in ("tie_word_embeddings",) if key in outer}
    values = tied | inner if isinstance(inner, dict) else outer
    described = Fields(values, str(path), instead=_INSTEAD)
    named = model_name(name, path.parent.resolve().name)
    return sizes_of_fields(described, named)


def sizes_of_fields(described: Fields, name: str) -> Sizes:
    """The sizes of the model that `described`, with the keys of a config.json, has."""
    if described.text("model_type") in FAMILIES:
        config = family_config(described, name)
        return Sizes(config, config)
    return Sizes(costed_sizes(described, name), None)


def costed_sizes(described: Fields, name: str) -> PublishedModel:
    """The architecture that `described`, with the keys of a config.json, has."""
    model_type = described.text("model_type")
    kind = _KINDS.get(model_type)
    if kind is None:
        raise unsupported(described.where, f"has model_type '{model_type}'", _INSTEAD)
    embed_dim, layers = described.integer("hidden_size"), described.integer("num_hidden_layers")
    heads = described.integer("num_attention_heads")
    kv_heads = described.integer("num_key_value_heads", heads)
    head_dim = described.integer("head_dim", kind.head_dim or max(embed_dim // heads, 1))
    window, windowed = _window(described, kind, layers)
    sizes: GivenSizes = {
        "head_dim": head_dim,
        "window": window if windowed else None,
        "windowed_share": windowed / layers,
        "mtp_layers": mtp_layers(described),
    }
    sizes |= kind.layer_kinds(described, layers) if kind.layer_kinds else {}
    if "mlp_dim" not in sizes:
        sizes = _mlp(described, kind, layers) | sizes
    model = PublishedModel(
        name=name,
        context_length=described.integer("max_position_embeddings"),
        layers=layers,
        embed_dim=embed_dim,
        query_heads=heads,
        kv_heads=kv_heads,
        vocab_size=described.integer("vocab_size"),
        tied_embeddings=described.flag("tie_word_embeddings", kind.tied),
        gated=kind.gated,
        **sizes,
    )
    return _checked(model, described.where)


def _mlp(described: Fields, kind: _Kind, layers: int) -> GivenSizes:
    if not kind.experts:
        return {"mlp_dim": described.integer("intermediate_size")}
    names = ("moe_intermediate_size", "intermediate_size")
    expert = described.integer(names[0 if kind.expert_dim else 1], kind.expert_dim)
    dense = _dense_layers(described, kind, layers)
    shared = count_of(described, "shared_expert_intermediate_size", kind.shared_dim)
    if "shared_expert_intermediate_size" not in described and not kind.shared_dim:
        shared = expert * count_of(described, "n_shared_experts", kind.shared_experts)
    stated = ("num_local_experts", "num_experts", "n_routed_experts")
    key = next((key for key in stated if described.get(key) is not None), "num_experts")
    return {
        "mlp_dim": expert,
        "experts": described.integer(key, kind.experts),
        "active_experts": described.integer("num_experts_per_tok", kind.active or None),
        "shared_mlp_dim": shared,
        "dense_layers": dense,
        "dense_mlp_dim": described.integer("intermediate_size") if dense else 0,
    }


def _dense_layers(described: Fields, kind: _Kind, layers: int) -> int:
    """How many of the layers have one MLP instead of experts."""
    first = count_of(described, "first_k_dense_replace", kind.dense_layers)
    step = described.integer("decoder_sparse_step", described.integer("moe_layer_freq", 1))
    listed = described.get("mlp_only_layers") or []
    if not isinstance(listed, list) or not all(type(layer) is int for layer in listed):
        raise ModelInputError(f"{described.where} has 'mlp_only_layers' that are no whole numbers.")
    if step == 1:
        return min(first, layers) + len({i for i in listed if first <= i < layers})
    sparse = range(step - 1, layers, step)
    return layers - len(sparse) + len({i for i in listed if i in sparse})


def _window(described: Fields, kind: _Kind, layers: int) -> tuple[int | None, int]:
    """(positions that a windowed layer attends to, how many of the layers have that window)."""
    stated = described.get("sliding_window") if "sliding_window" in described else kind.window
    if not stated or not described.flag("use_sliding_window", True):
        return None, 0
    window = described.integer("sliding_window", kind.window)
    if described.get("layer_types") is not None:
        return window, sum(windowed_types(described, layers))
    pattern = described.get("sliding_window_pattern")
    if isinstance(pattern, str):  # 'LLLG', again and again; the last layer attends to everything
        if not pattern or set(pattern) - {"L", "G"}:
            raise ModelInputError(
                f"{described.where} has 'sliding_window_pattern' = {pattern[:40]!r} where a number "
                "or letters L and G belong."
            )
        return window, sum(pattern[i % len(pattern)] == "L" for i in range(layers - 1))
    every = count_of(described, "sliding_window_pattern", kind.full_every)
    return window, layers - (layers // every if every else 0)


def _checked(model: PublishedModel, where: str) -> PublishedModel:
    """`model` itself; ModelInputError where its counts do not fit together."""
    odd = [n for n in (model.kv_heads, model.full_kv_heads) if n and model.query_heads % n]
    if odd:
        problem = f"has {model.query_heads} query heads for {odd[0]} KV heads"
    elif model.active_experts > model.experts:
        problem = f"sends a token to {model.active_experts} of {model.experts} experts"
    elif model.dense_layers >= model.layers > 0 and model.experts > 1:
        problem = f"has {model.dense_layers} dense layers of {model.layers}, and experts"
    else:
        require_size(model, where)
        return model
    raise ModelInputError(f"{where} {problem}: the file is damaged or of an unknown kind.")
