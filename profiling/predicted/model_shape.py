"""ModelShape: a transformer's sizes, as prediction needs them.

Every field is a number or an array (a sweep over models), and time may be differentiated by it.
Axis letters as in model.config.

Sizes: what a model's config.json says, dense or a mixture of experts, and its shape.

Described models: sizes in a TOML file, for models that this project does not run itself.
"""

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import jax
from pydantic import Field, ValidationError, model_validator

from ...model.config import PRESETS, ModelConfig, ModelInputError
from ...tpu_configs.catalog import sentence
from ...tpu_configs.figure import Table, Words
from ..model_spec import resolve_subject

Number = Any
"""A float or an array of floats, all of one shape."""

NO_WINDOW = float("inf")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ModelShape:
    """Sizes of a decoder-only transformer, dense or a mixture of experts.

    Parameters of one layer are split by how a step reads them: attention's always, an expert's
    where one of its tokens needs it.
    """

    layers: Number  # L
    embed_dim: Number  # D
    query_heads: Number  # K * G
    kv_heads: Number  # K
    head_dim: Number  # H
    attention_parameters: Number  # of one layer's projections
    mlp_parameters: Number  # of one layer, all experts
    active_mlp_parameters: Number  # of one layer, for one token
    experts_per_token: Number  # experts that one token is sent to; 1 where dense
    head_parameters: Number  # V * D, read by every step
    embedding_parameters: Number  # resident, of which a step reads a row a token; 0 where tied
    vector_parameters: Number  # norms and biases of all layers: read, but in no matmul
    vocab_size: Number  # V
    window: Number = NO_WINDOW  # positions that a windowed layer attends to
    windowed_share: Number = 0.0  # of the layers

    @property
    def parameters(self) -> Number:
        """All parameters that must be resident."""
        layer = self.attention_parameters + self.mlp_parameters
        tables = self.head_parameters + self.embedding_parameters
        return self.layers * layer + tables + self.vector_parameters

    @property
    def kv_elements_per_token(self) -> Number:
        """Elements of keys and values that one position takes over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim


def shape_of(config: ModelConfig) -> ModelShape:
    """The shape of a dense model of this project; its parameters are the config's to the last."""
    mlp = 3 * config.embed_dim * config.mlp_dim
    projections = 2 * config.embed_dim * config.head_dim * (config.query_heads + config.kv_heads)
    vectors = config.layers * (config.parameters_per_layer - projections - mlp) + config.embed_dim
    table = config.embedding_parameters
    return ModelShape(
        layers=float(config.layers),
        embed_dim=float(config.embed_dim),
        query_heads=float(config.query_heads),
        kv_heads=float(config.kv_heads),
        head_dim=float(config.head_dim),
        attention_parameters=float(projections),
        mlp_parameters=float(mlp),
        active_mlp_parameters=float(mlp),
        experts_per_token=1.0,
        head_parameters=float(table),
        embedding_parameters=0.0 if config.tied_embeddings else float(table),
        vector_parameters=float(vectors),
        vocab_size=float(config.vocab_size),
    )


LATENT_KV_HEADS, LATENT_HEAD_DIM = 1, 288
"""Multi-head latent attention caches 512 compressed and 64 rotated elements a position, for all
heads together (DeepSeek-V2, arXiv:2405.04434, section 2.1; the same in V3, R1 and Kimi K2): as
many as keys and values of one head of 288. Its scores and values cost 2 * 320 FLOPs a head and
pair in prefill, 2 * 1088 in decoding on the compressed cache; here 2 * 576 stands for both."""


@dataclass(frozen=True)
class Sizes:
    """A decoder-only transformer's sizes; `mlp_dim` is one expert's in a mixture."""

    layers: float
    embed_dim: float
    query_heads: float
    kv_heads: float
    head_dim: float
    mlp_dim: float
    vocab_size: float
    gated: bool = True  # three matrices in the MLP, not two
    tied: bool = False
    experts: float = 1
    experts_per_token: float = 1
    shared_mlp_dim: float = 0  # of experts that every token visits
    dense_layers: float = 0  # layers without experts
    dense_mlp_dim: float = 0
    latent_parameters: float = 0  # of one layer's latent attention; 0 where attention is usual
    window: float = NO_WINDOW
    windowed_share: float = 0.0

    @property
    def attention_parameters(self) -> float:
        """Of one layer."""
        if self.latent_parameters:
            return self.latent_parameters
        heads = 2 * self.query_heads + 2 * self.kv_heads
        return self.embed_dim * self.head_dim * heads

    @property
    def _matrix(self) -> float:
        return (3 if self.gated else 2) * self.embed_dim

    @property
    def always_read_parameters(self) -> float:
        """Of one layer in the mean: attention, shared experts, the MLPs of dense layers."""
        mixed_share = 1 - self.dense_layers / self.layers
        shared = self._matrix * self.shared_mlp_dim * mixed_share
        dense = self._matrix * self.dense_mlp_dim * (1 - mixed_share)
        return self.attention_parameters + shared + dense

    @property
    def expert_parameters(self) -> float:
        """Of one expert (or of a dense MLP) in one layer, in the mean over all layers."""
        return self._matrix * self.mlp_dim * (1 - self.dense_layers / self.layers)

    @property
    def table_parameters(self) -> float:
        """Of the embedding and of the head."""
        return self.embed_dim * self.vocab_size * (1 if self.tied else 2)

    @property
    def parameters(self) -> float:
        """All of them, norms and biases left out."""
        layer = self.always_read_parameters + self.experts * self.expert_parameters
        return self.layers * layer + self.table_parameters

    @property
    def active_parameters(self) -> float:
        """Those that one token visits."""
        layer = self.always_read_parameters + self.experts_per_token * self.expert_parameters
        return self.layers * layer + self.table_parameters

    def shape(self) -> ModelShape:
        """As prediction takes it."""
        head = self.embed_dim * self.vocab_size
        return ModelShape(
            layers=self.layers,
            embed_dim=self.embed_dim,
            query_heads=self.query_heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            attention_parameters=self.always_read_parameters,
            mlp_parameters=self.experts * self.expert_parameters,
            active_mlp_parameters=self.experts_per_token * self.expert_parameters,
            experts_per_token=self.experts_per_token,
            head_parameters=head,
            embedding_parameters=0.0 if self.tied else head,
            vector_parameters=0.0,
            vocab_size=self.vocab_size,
            window=self.window,
            windowed_share=self.windowed_share,
        )


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
