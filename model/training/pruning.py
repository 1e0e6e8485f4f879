"""Pruning: a model with fewer weights made of one that is there, weights and sizes alike.

Magnitude and N:M pruning set weights to zero and leave the shapes: a chip without a unit for such
zeros reads and multiplies as much as before. Width and depth pruning cut whole channels, heads and
layers, and leave a smaller model. Nothing is trained after it. Tensors are public ones, a
projection [out, in]; axis letters as in `model.config`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import jax.numpy as jnp
import numpy as np

from ..config import ModelConfig, ModelInputError
from ..generation.drafters import early_exit
from ..kv_cache import KVCache
from ..transformer import Transformer
from ..weights.layout import NamedTensor, WeightSource, unfused

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Matrices of a layer; embedding, norms and head stay as they are."""


def magnitude_mask(matrix: np.ndarray, share: float) -> np.ndarray:
    """False for the `share` of a matrix's weights that are nearest to zero."""
    dropped = round(share * matrix.size)
    order = np.argsort(np.abs(matrix), axis=None, kind="stable")
    mask = np.ones(matrix.size, bool)
    mask[order[:dropped]] = False
    return mask.reshape(matrix.shape)


def n_of_m_mask(matrix: np.ndarray, kept: int, group: int) -> np.ndarray:
    """True for the `kept` largest of every `group` neighbouring inputs of each output, as sparse
    units take them (2:4: Mishra et al. 2021, arXiv 2104.08378); of equal ones the first."""
    rows = np.abs(matrix).reshape(-1, group)
    order = np.argsort(-rows, axis=1, kind="stable")
    mask = np.zeros(rows.shape, bool)
    np.put_along_axis(mask, order[:, :kept], True, axis=1)
    return mask.reshape(matrix.shape)


def without_small_weights(source: WeightSource, share: float) -> WeightSource:
    """Magnitude pruning of every matrix by the same share."""
    _require_share(share, "magnitude")
    return _masked(source, lambda matrix: magnitude_mask(matrix, share))


def sparse(source: WeightSource, kept: int, group: int) -> WeightSource:
    """N:M pruning of every matrix. Raises ModelInputError where groups do not divide a row."""
    if not 1 <= kept < group:
        raise ModelInputError(f"nm={kept}:{group} must keep fewer of a group than it has")
    config = source.config
    for inputs in (config.embed_dim, config.mlp_dim, config.query_heads * config.head_dim):
        if inputs % group:
            raise ModelInputError(
                f"nm={kept}:{group}: groups of {group} do not divide the {inputs} inputs of a "
                f"matrix of {config.name}"
            )
    return _masked(source, lambda matrix: n_of_m_mask(matrix, kept, group))


def _masked(source: WeightSource, mask: Callable[[np.ndarray], np.ndarray]) -> WeightSource:
    _require_uniform(source.config)

    def tensors() -> Iterator[NamedTensor]:
        for name, tensor in unfused(source.config, source.tensors()):
            matrix = name.removesuffix(".weight").rpartition(".")[2] in PROJECTIONS
            pruned = matrix and name.endswith(".weight")
            yield name, np.where(mask(tensor), tensor, 0).astype(tensor.dtype) if pruned else tensor

    return replace(source, tensors=tensors, folder=None, stored=None)


def with_narrower_mlp(source: WeightSource, share: float) -> WeightSource:
    """Without the `share` of each MLP's channels that weigh least: by the product of the norms of
    a channel's rows into it and its column out of it."""
    _require_share(share, "mlp")
    config = source.config
    _require_uniform(config)
    F = config.mlp_dim
    left = F - round(share * F)
    if not 1 <= left < F:
        raise ModelInputError(f"mlp={share:g} leaves {left} of {F} channels of {config.name}")

    def cut(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        into, out = ("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj"
        parts = [layer[f"{name}.weight"] for name in into if f"{name}.weight" in layer]
        weight = np.linalg.norm(layer[f"{out}.weight"].astype(np.float32), axis=0)
        for part in parts:
            weight = weight * np.linalg.norm(part.astype(np.float32), axis=1)
        kept = np.sort(np.argsort(-weight, kind="stable")[:left])
        axes = {**{f"{name}.weight": 0 for name in into}, f"{out}.weight": 1}
        return {
            name: np.take(tensor, kept, axes[name]) if name in axes else tensor
            for name, tensor in layer.items()
        }

    return _by_layer(source, replace(config, mlp_dim=left), cut)


def with_fewer_kv_heads(source: WeightSource, share: float) -> WeightSource:
    """Keys and values of neighbouring KV heads averaged into one, so that the `share` of them is
    left and every query head stays (Ainslie et al. 2023, arXiv 2305.13245, section 2.1)."""
    config = source.config
    _require_uniform(config)
    K, H = config.kv_heads, config.head_dim
    left = round(share * K)
    if not 1 <= left < K or K % left:
        raise ModelInputError(
            f"kv-heads={share:g}: the {K} KV heads of {config.name} cannot be averaged into {left}"
        )
    if config.qk_norm and config.style.norms_all_heads:
        raise ModelInputError(f"kv-heads: {config.name} normalises all of its KV heads together")

    def cut(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        changed = dict(layer)
        for name in layer:
            if name.startswith(("self_attn.k_proj.", "self_attn.v_proj.")):
                heads = layer[name].astype(np.float32).reshape(left, K // left, H, -1)
                merged = heads.mean(axis=1).reshape(left * H, *layer[name].shape[1:])
                changed[name] = merged.astype(layer[name].dtype)
        return changed

    return _by_layer(source, replace(config, kv_heads=left), cut)


def without_heads(source: WeightSource, share: float) -> WeightSource:
    """Without the `share` of KV heads, each with its query heads, that weigh least: by the norm of
    the values' rows times that of the output's columns."""
    _require_share(share, "heads")
    config = source.config
    _require_uniform(config)
    K, G, H = config.kv_heads, config.queries_per_kv_head, config.head_dim
    left = K - round(share * K)
    if not 1 <= left < K:
        raise ModelInputError(f"heads={share:g} leaves {left} of {K} KV heads of {config.name}")
    if config.qk_norm and config.style.norms_all_heads:
        raise ModelInputError(f"heads: {config.name} normalises all of its heads together")

    def cut(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = layer["self_attn.v_proj.weight"].astype(np.float32).reshape(K, -1)
        output = layer["self_attn.o_proj.weight"].astype(np.float32).reshape(-1, K, G * H)
        weight = np.linalg.norm(values, axis=1) * np.linalg.norm(output, axis=(0, 2))
        kept = np.sort(np.argsort(-weight, kind="stable")[:left])
        changed = dict(layer)
        for name, tensor in layer.items():
            if name.startswith(("self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj.")):
                by_head = tensor.reshape(K, -1, *tensor.shape[1:])
                changed[name] = by_head[kept].reshape(-1, *tensor.shape[1:])
        by_head = layer["self_attn.o_proj.weight"].reshape(-1, K, G * H)
        changed["self_attn.o_proj.weight"] = by_head[:, kept].reshape(len(by_head), -1)
        return changed

    smaller = replace(config, kv_heads=left, query_heads=left * G)
    return _by_layer(source, smaller, cut)


def without_layers(source: WeightSource, dropped: Sequence[int]) -> WeightSource:
    """Without the layers of these numbers, from 0; the others follow one another."""
    config = source.config
    _require_uniform(config)
    kept = [layer for layer in range(config.layers) if layer not in dropped]
    if not kept or len(kept) + len(set(dropped)) != config.layers or not dropped:
        raise ModelInputError(
            f"{config.name} has {config.layers} layers: some, and not all, of 0 to "
            f"{config.layers - 1} may be dropped"
        )
    places = {layer: place for place, layer in enumerate(kept)}

    def tensors() -> Iterator[NamedTensor]:
        for name, tensor in unfused(config, source.tensors()):
            layer, rest = _layer_of(name)
            if layer is None:
                yield name, tensor
            elif layer in places:
                yield f"model.layers.{places[layer]}.{rest}", tensor

    smaller = replace(config, layers=len(kept))
    return replace(source, config=smaller, tensors=tensors, folder=None, stored=None)


def least_changing_layers(
    model: Transformer, prompts: Sequence[Sequence[int]], n: int
) -> list[int]:
    """The `n` layers that turn the residual stream least, by 1 - cosine of what goes in and what
    comes out, in the mean over the tokens of `prompts` (Men et al. 2024, arXiv 2403.03853)."""
    states = [_hidden(model, prompts, layers) for layers in range(model.config.layers + 1)]
    turned = []
    for before, after in pairwise(states):
        along = np.sum(before * after, axis=-1)
        sizes = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
        turned.append(float(np.mean(1 - along / np.maximum(sizes, 1e-30))))
    return sorted(np.argsort(turned, kind="stable")[:n].tolist())


def _hidden(model: Transformer, prompts: Sequence[Sequence[int]], layers: int) -> np.ndarray:
    """The residual stream [tokens, D] after so many layers, padding left out."""
    longest = max(map(len, prompts))
    tokens = np.zeros((len(prompts), 1, longest), np.int32)
    positions = np.full(tokens.shape, -1, np.int32)
    for row, prompt in enumerate(prompts):
        tokens[row, 0, : len(prompt)] = prompt
        positions[row, 0, : len(prompt)] = np.arange(len(prompt))
    if layers == 0:
        hidden = model.embedding[...][tokens]
    else:
        shorter = model if layers == model.config.layers else early_exit(model, layers)
        cache = KVCache.empty(shorter.config, len(prompts), 1, longest, shorter.dtype)
        hidden, _ = shorter.forward(jnp.asarray(tokens), jnp.asarray(positions), cache, 0)
    return np.asarray(hidden, np.float32)[positions >= 0]


def _by_layer(
    source: WeightSource,
    config: ModelConfig,
    cut: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
) -> WeightSource:
    """`source` with `cut` done to each layer's tensors, by their names in the layer, of which all
    layers' are held together."""

    def tensors() -> Iterator[NamedTensor]:
        layers: dict[int, dict[str, np.ndarray]] = {}
        for name, tensor in unfused(source.config, source.tensors()):
            layer, rest = _layer_of(name)
            if layer is None:
                yield name, tensor
            else:
                layers.setdefault(layer, {})[rest] = tensor
        for layer, held in layers.items():
            yield from ((f"model.layers.{layer}.{name}", part) for name, part in cut(held).items())

    return replace(source, config=config, tensors=tensors, folder=None, stored=None)


def _layer_of(name: str) -> tuple[int | None, str]:
    """'model.layers.3.mlp.up_proj.weight' as 3 and the rest; no layer, and the name."""
    parts = name.split(".", 3)
    return (int(parts[2]), parts[3]) if name.startswith("model.layers.") else (None, name)


def _require_share(share: float, what: str) -> None:
    if not 0 < share < 1:
        raise ModelInputError(f"{what}={share:g}: a share to leave out is between 0 and 1")


def _require_uniform(config: ModelConfig) -> None:
    # GLM-4's rotary pairs are put in halves where tensors are unfused: that may be once only.
    mixed = len(config.kinds) > 1 or config.mixture is not None
    if mixed or config.family == "glm4":
        raise ModelInputError(
            f"pruning is of models whose layers are all alike, with an MLP, and not of GLM-4: "
            f"{config.name} is none"
        )
