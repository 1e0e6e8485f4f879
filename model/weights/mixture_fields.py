"""What a config.json says of a mixture of experts: its sizes, how it chooses, and which layers have
it.

Defaults are those of transformers' configuration classes (5.24).
"""

from typing import NamedTuple

from ..config import ModelInputError
from ..styles import Mixture
from .hf_config import Fields, count_of


class MixtureDefaults(NamedTuple):
    """What a config.json of a family means where it does not say."""

    experts: int
    active: int
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
    return Mixture(
        scores=usual.scores,
        corrected=usual.corrected,
        normalised=fields.flag("norm_topk_prob", usual.normalised),
        scale=fields.number("routed_scaling_factor", usual.scale),
        groups=fields.integer("n_group", usual.groups),
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
