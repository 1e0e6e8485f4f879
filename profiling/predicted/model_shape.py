"""A model by name, file or record: its architecture and the shape that prediction computes on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ...model.architecture import SIZES, Architecture, ModelShape, shape_of
from ...model.config import PRESETS, ModelConfig, ModelInputError
from ...model.input_files import user_path

if TYPE_CHECKING:
    from ...model.weights.published_sizes import PublishedModel
    from ...model.weights.quantisation import StoredWeights
    from ..records.profile import ModelFacts
    from .models.described_models import DescribedModel


@dataclass(frozen=True)
class NamedShape:
    """A model as prediction takes it."""

    name: str
    shape: ModelShape
    context_length: int | None = None  # tokens that it was trained for; None where not known
    stored: "StoredWeights | None" = None  # the weights of its own config.json, where quantised
    published_dtype: str | None = None  # of those that its publisher has, by the table


def named_shape(model: str) -> NamedShape:
    """The model called `model`: a TOML file, a described one by any of its names, or what
    `sizes_of` takes: a preset, a .gguf file, a Hugging Face folder or a hub id.

    Raises ModelInputError for an unknown model or one that cannot be read.
    """
    architecture, stored = _named(model)
    published = getattr(architecture, "stored_dtype", None)
    shape, context = shape_of(architecture), architecture.context_length
    return NamedShape(architecture.name, shape, context, stored, published)


def _named(
    model: str,
) -> "tuple[DescribedModel | PublishedModel | ModelConfig, StoredWeights | None]":
    name = model.lower()
    if name in PRESETS:
        return PRESETS[name], None
    from .models.described_models import described_model, described_models, tabled_model

    if name.endswith(".toml"):
        return described_model(user_path(model)), None
    if name in described_models():
        return described_models()[name], None
    path = user_path(model)
    known = None if path.exists() else tabled_model(model)
    if known is not None:
        return PRESETS.get(known.name, known), None
    if "/" not in model and not path.exists():
        raise _unknown(model, [*PRESETS, *described_models()])
    from ...model.weights.loading import sizes_of  # which few commands need

    sizes = sizes_of(model)
    return sizes.architecture, sizes.stored


def _unknown(model: str, names: Sequence[str]) -> ModelInputError:
    near = get_close_matches(model.lower()[:100], names, n=4, cutoff=0.5)
    described = ", ".join(near or PRESETS)
    return ModelInputError(
        f"unknown model '{model}': expected {described}, one of `rooflink models`, a .gguf "
        "file, a Hugging Face folder or hub id, or a file of sizes that ends in .toml"
    )


def model_facts(config: ModelConfig, dtype: str, weights_source: str) -> "ModelFacts":
    """What a record says of a model; `shape_of_facts` reads it back."""
    from ..records.profile import ModelFacts  # which a prediction by name has not

    same = [*_recorded_sizes(ModelFacts), "name", "family", "parameters", "context_length"]
    return ModelFacts(
        **{name: getattr(config, name) for name in same},
        dtype=dtype,
        weight_dtype=config.widths.weights,
        weight_group=config.widths.group,
        kv_dtype=config.widths.kv,
        weight_bytes=config.weight_bytes(dtype),
        kv_bytes_per_token=config.kv_bytes_per_token(dtype),
        weights_source=weights_source,
    )


def shape_of_facts(facts: "ModelFacts") -> ModelShape:
    """The shape of a recorded model; what its sizes do not explain of its parameters are norms."""
    sizes = {size: getattr(facts, size) for size in _recorded_sizes(type(facts))}
    plain = shape_of(Architecture(name=facts.name, **sizes))
    return replace(plain, vector_parameters=float(facts.parameters - round(plain.parameters)))


def _recorded_sizes(facts: type["ModelFacts"]) -> list[str]:
    return [size for size in SIZES if size in facts.model_fields]
