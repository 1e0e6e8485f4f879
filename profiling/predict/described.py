"""Described models: sizes in a TOML file, for models that this project does not run itself."""

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from ...model.errors import ModelInputError
from ...model.presets import PRESETS
from ...tpu_configs.figure import Table, Words
from ...tpu_configs.reading import sentence
from ..subject import resolve_subject
from .shape import NO_WINDOW, ModelShape, shape_of
from .sizes import Sizes


@dataclass(frozen=True)
class NamedShape:
    """A model as prediction takes it."""

    name: str
    shape: ModelShape


class Description(Table):
    """The keys of a model's file; of a mixture, `mlp_dim` is one expert's."""

    name: Words
    source: Words | None = Field(default=None, description="where the sizes are from")
    layers: int = Field(gt=0)
    embed_dim: int = Field(gt=0)
    query_heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    mlp_dim: int = Field(gt=0)
    vocab_size: int = Field(gt=0)
    tied_embeddings: bool = False
    gated: bool = Field(default=True, description="three matrices in the MLP, not two")
    experts: int = Field(default=1, gt=0)
    active_experts: int = Field(default=1, gt=0, description="that one token is sent to")
    shared_mlp_dim: int = Field(default=0, ge=0, description="of experts that all tokens visit")
    dense_layers: int = Field(default=0, ge=0, description="layers without experts")
    dense_mlp_dim: int = Field(default=0, ge=0)
    attention_parameters: int | None = Field(
        default=None, gt=0, description="of one layer, where heads do not say: latent attention"
    )
    window: int | None = Field(default=None, gt=0, description="positions a windowed layer sees")
    windowed_share: float = Field(default=0.0, ge=0, le=1, description="of the layers")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
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
        return self

    def shape(self) -> ModelShape:
        """As prediction takes it; norms and biases are left out."""
        return Sizes(
            layers=self.layers,
            embed_dim=self.embed_dim,
            query_heads=self.query_heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            mlp_dim=self.mlp_dim,
            vocab_size=self.vocab_size,
            gated=self.gated,
            tied=self.tied_embeddings,
            experts=self.experts,
            experts_per_token=self.active_experts,
            shared_mlp_dim=self.shared_mlp_dim,
            dense_layers=self.dense_layers,
            dense_mlp_dim=self.dense_mlp_dim,
            latent_parameters=self.attention_parameters or 0,
            window=self.window or NO_WINDOW,
            windowed_share=self.windowed_share,
        ).shape()


def described_shape(path: Path) -> NamedShape:
    """The model in a TOML file with the keys of `Description`.

    Raises ModelInputError for a file that is missing, not TOML, or has a wrong key or value.
    """
    try:
        found = _description(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ModelInputError(f"no model file at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelInputError(f"{path} is not a readable model file: {error}") from None
    return NamedShape(found.name, found.shape())


def named_shape(model: str) -> NamedShape:
    """The model called `model`: a TOML file, a described one that comes along, or what
    `resolve_subject` takes: a preset, a .gguf file, a Hugging Face folder or a hub id.

    Raises ModelInputError for an unknown model or one that cannot be read.
    """
    if model.endswith(".toml"):
        return described_shape(Path(model).expanduser())
    known = described_models()
    if model.lower() in known:
        return NamedShape(model.lower(), known[model.lower()].shape())
    if not Path(model).exists() and "/" not in model and model.lower() not in PRESETS:
        raise _unknown(model)
    config = resolve_subject(model, "none", None).config
    return NamedShape(config.name, shape_of(config))


@cache
def described_models() -> dict[str, Description]:
    """The described models that come along, by name."""
    folder = files(__package__) / "models"
    texts = {f.name: f.read_text(encoding="utf-8") for f in folder.iterdir()}
    found = [_description(text, name) for name, text in texts.items() if name.endswith(".toml")]
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


def _description(text: str, file: str) -> Description:
    try:
        table: dict[str, Any] = tomllib.loads(text)
        return Description.model_validate(table)
    except tomllib.TOMLDecodeError as error:
        raise ModelInputError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        raise ModelInputError(f"{file}: {sentence(error.errors()[0])}") from None


def _unknown(model: str) -> ModelInputError:
    names = [*PRESETS, *described_models()]
    near = get_close_matches(model.lower(), names, n=4, cutoff=0.5)
    described = ", ".join(near or described_models())
    return ModelInputError(
        f"unknown model '{model}': expected {described}, a preset of `rooflink models`, a .gguf "
        "file, a Hugging Face folder or hub id, or a file of sizes that ends in .toml"
    )
