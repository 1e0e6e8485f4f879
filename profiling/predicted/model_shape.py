"""A model by name, file or record: its architecture and the shape that prediction computes on.

Described models: sizes in a TOML file, for models that this project does not run itself.
"""

from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, ConfigDict, PositiveInt, TypeAdapter, with_config

from ...model.architecture import SIZES, Architecture, ModelShape, shape_of
from ...model.config import PRESETS, ModelConfig, ModelInputError
from ...model.input_files import user_path
from ...tpu_configs.figure import Words, known_and_whole
from ...tpu_configs.toml_files import parse_toml, read_text
from ..records.profile import ModelFacts

if TYPE_CHECKING:
    from ...model.weights.published_sizes import PublishedModel

MOST_SIZE = 10**8
"""Of a model: a width, a vocabulary, layers, experts; the largest published is 262,208."""


@dataclass(frozen=True)
class NamedShape:
    """A model as prediction takes it."""

    name: str
    shape: ModelShape
    context_length: int | None = None  # tokens that it was trained for; None where not known


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class DescribedModel(Architecture):
    """The keys of a model's file: an architecture that is costed and never run.

    Norms and biases are left out of its parameters.
    """

    name: Words
    source: Words | None = None  # where the sizes are from
    context_length: PositiveInt | None = None  # tokens that it was trained for

    def __post_init__(self) -> None:
        for name in (*SIZES, "context_length"):
            size = getattr(self, name)
            if isinstance(size, int) and size > MOST_SIZE:
                raise ValueError(
                    f"has {name} over {MOST_SIZE:,}, more than any model, expected less"
                )
        if self.query_heads % self.kv_heads:
            raise ValueError(f"has {self.query_heads} query heads for {self.kv_heads} KV heads, "
                             "expected a multiple")  # fmt: skip
        if self.active_experts > self.experts:
            raise ValueError(f"has active_experts {self.active_experts} of {self.experts} experts, "
                             "expected no more than there are")  # fmt: skip
        if self.dense_layers >= self.layers or (self.dense_layers > 0) != (self.dense_mlp_dim > 0):
            raise ValueError(f"has dense_layers {self.dense_layers} of {self.layers} and "
                             f"dense_mlp_dim {self.dense_mlp_dim}, expected both or neither, and "
                             "some layers with experts")  # fmt: skip
        if (self.window is None) != (self.windowed_share == 0):
            raise ValueError("has one of window and windowed_share, expected both or neither")
        _require_kinds(self)


def _require_kinds(model: Architecture) -> None:
    """Raise ValueError where the kinds of layer do not add up."""
    other = model.linear_layers + model.mlp_only_layers
    if other >= model.layers:
        raise ValueError(f"has {other} linear_layers and mlp_only_layers of {model.layers} layers, "
                         "expected some with attention")  # fmt: skip
    if model.mlp_only_layers and model.dense_layers >= model.mlp_only_layers:
        raise ValueError(f"has dense_layers {model.dense_layers} of {model.mlp_only_layers} layers "
                         "with an MLP, expected some with experts")  # fmt: skip
    if model.full_kv_heads and model.query_heads % model.full_kv_heads:
        raise ValueError(f"has {model.query_heads} query heads for full_kv_heads "
                         f"{model.full_kv_heads}, expected a multiple")  # fmt: skip
    linear = [getattr(model, size) for size in _LINEAR]
    if (model.linear_layers > 0) != all(linear) or any(linear) != all(linear):
        raise ValueError(
            f"has some of linear_layers and {', '.join(_LINEAR)}, expected all or none"
        )
    if not model.latent_dim and (model.query_rank or model.rotated_dim):
        raise ValueError("has query_rank or rotated_dim without latent_dim, expected all or none")


_LINEAR = ("linear_key_heads", "linear_value_heads", "linear_key_dim", "linear_value_dim",
           "linear_conv")  # fmt: skip


_KEYS = {f.name: f.default is MISSING or f.name == "name" for f in fields(DescribedModel)}
_NUMBERS = [f.name for f in fields(Architecture) if not isinstance(f.default, bool | str)]


def _table(data: object) -> object:
    """A table of these keys, whose sizes are no texts and no flags."""
    table = known_and_whole(data, _KEYS)
    for size in _NUMBERS:
        if isinstance(table.get(size), str | bool):
            raise ValueError(f"has {size} = {table[size]!r}, expected a number")
    return table


_DESCRIBED: TypeAdapter[DescribedModel] = TypeAdapter(
    Annotated[DescribedModel, BeforeValidator(_table)]
)


def described_model(path: Path) -> DescribedModel:
    """The model in a TOML file with the keys of `DescribedModel`.

    Raises ModelInputError for a file that is missing, not TOML, or has a wrong key or value.
    """
    return _parsed(read_text(path, "model file", ModelInputError), str(path))


def named_shape(model: str) -> NamedShape:
    """The model called `model`: a TOML file, a described one that comes along, or what `sizes_of`
    takes: a preset, a .gguf file, a Hugging Face folder or a hub id.

    Raises ModelInputError for an unknown model or one that cannot be read.
    """
    architecture = _named(model)
    return NamedShape(architecture.name, shape_of(architecture), architecture.context_length)


def _named(model: str) -> "DescribedModel | PublishedModel | ModelConfig":
    name = model.lower()
    if name.endswith(".toml"):
        return described_model(user_path(model))
    if name in described_models():
        return described_models()[name]
    if name in PRESETS:
        return PRESETS[name]
    path = user_path(model)
    if "/" not in model and not path.exists():
        raise _unknown(model)
    from ...model.weights.loading import sizes_of  # which few commands need

    return sizes_of(model).architecture


@cache
def described_models() -> dict[str, DescribedModel]:
    """The described models that come along, by name."""
    folder = files(__package__) / "models"
    texts = {f.name: f.read_text(encoding="utf-8") for f in folder.iterdir()}
    models = [_parsed(text, name) for name, text in texts.items() if name.endswith(".toml")]
    return {model.name: model for model in sorted(models, key=lambda model: model.name)}


def _parsed(text: str, file: str) -> DescribedModel:
    return parse_toml(text, file, _DESCRIBED.validate_python, ModelInputError)


def _unknown(model: str) -> ModelInputError:
    names = [*PRESETS, *described_models()]
    near = get_close_matches(model.lower()[:100], names, n=4, cutoff=0.5)
    described = ", ".join(near or described_models())
    return ModelInputError(
        f"unknown model '{model}': expected {described}, one of `rooflink models`, a .gguf "
        "file, a Hugging Face folder or hub id, or a file of sizes that ends in .toml"
    )


def model_facts(config: ModelConfig, dtype: str, weights_source: str) -> ModelFacts:
    """What a record says of a model; `shape_of_facts` reads it back."""
    same = [*_RECORDED_SIZES, "name", "family", "parameters", "context_length"]
    return ModelFacts(
        **{name: getattr(config, name) for name in same},
        dtype=dtype,
        weight_bytes=config.weight_bytes(dtype),
        kv_bytes_per_token=config.kv_bytes_per_token(dtype),
        weights_source=weights_source,
    )


_RECORDED_SIZES = [size for size in SIZES if size in ModelFacts.model_fields]


def shape_of_facts(facts: ModelFacts) -> ModelShape:
    """The shape of a recorded model; what its sizes do not explain of its parameters are norms."""
    sizes = {size: getattr(facts, size) for size in _RECORDED_SIZES}
    plain = shape_of(Architecture(name=facts.name, **sizes))
    return replace(plain, vector_parameters=float(facts.parameters - plain.parameters))
