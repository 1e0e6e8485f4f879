"""Recipes: everything that decides what a training ends with, read from TOML.

A supervised recipe trains from scratch; the others start from a model, and `method` says which
of them a file holds.
"""

import hashlib
import json
import math
import tomllib
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import (
    ConfigDict,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    with_config,
)

from ..config import ModelConfig, ModelInputError
from ..tasks.parse import parse_generated
from ..tasks.task import WORDS

Kind = TypeVar("Kind")
STRICT = with_config(ConfigDict(extra="forbid"))


@STRICT
@dataclass(frozen=True)
class Trunk:
    """The sizes of the model to train; heads are all KV heads."""

    layers: PositiveInt
    embed_dim: PositiveInt
    heads: PositiveInt
    mlp_dim: PositiveInt
    context_length: PositiveInt

    def config(self, name: str) -> ModelConfig:
        """A Llama of these sizes over the reasoner's vocabulary, embedding and head tied."""
        return ModelConfig(
            name=name,
            family="llama",
            layers=self.layers,
            embed_dim=self.embed_dim,
            query_heads=self.heads,
            kv_heads=self.heads,
            head_dim=self.embed_dim // self.heads,
            mlp_dim=self.mlp_dim,
            vocab_size=len(WORDS),
            context_length=self.context_length,
            rope_theta=10000.0,
            norm_eps=1e-5,
            tied_embeddings=True,
        )


@STRICT
@dataclass(frozen=True)
class AdamW:
    """AdamW (Loshchilov & Hutter 2019): linear warm-up, then a cosine to zero."""

    learning_rate: float
    warmup_steps: PositiveInt
    weight_decay: float
    clip_norm: float


@STRICT
@dataclass(frozen=True)
class Styles:
    """Shares of the examples by what happens to their thought; they sum to 1.

    `whole` thoughts teach thinking, `direct` ones (none at all) answering at once, and `cut` ones
    (ended at a random place) answering from what there is, as budget forcing will ask for.
    """

    whole: float
    direct: float
    cut: float


@STRICT
@dataclass(frozen=True)
class Stage:
    """`steps` updates on a mix of tasks, each with its share; the shares sum to 1."""

    steps: PositiveInt
    tasks: dict[str, float]


@STRICT
@dataclass(frozen=True)
class Recipe:
    """A supervised run. `row_tokens` is the length of every row; longer examples are refused."""

    name: str
    seed: int
    batch: PositiveInt
    row_tokens: PositiveInt
    trunk: Trunk
    optimizer: AdamW
    styles: Styles
    stages: tuple[Stage, ...]

    @property
    def steps(self) -> int:
        """Updates in all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> Stage:
        """The stage that update number `step` (from 0) belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError(f"{self.name} has no such step")


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file at `path`. Raises ModelInputError for a file that cannot be read,
    a field that is missing, unknown or ill-typed, shares that do not sum to 1, or a task that
    cannot be generated."""
    recipe = as_recipe(read_toml(path), Recipe, path)
    _require_sense(recipe, path)
    return recipe


def read_toml(path: Path) -> dict[str, object]:
    """The tables of the TOML file at `path`; ModelInputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ModelInputError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelInputError(f"the recipe {path} is not TOML: {error}") from None


def as_recipe(table: dict[str, object], kind: type[Kind], path: Path) -> Kind:
    """`table`, read from `path`, as a recipe of this `kind`; ModelInputError names a bad field."""
    try:
        return TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelInputError(f"the recipe {path}, field {where}: {first['msg']}") from None


def fingerprint(recipe: "Recipe | MethodRecipe", start: str = "") -> str:
    """A hash of every field of `recipe`, and of what it starts from: a checkpoint of another one is
    never resumed."""
    text = json.dumps(asdict(recipe), sort_keys=True) + start
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _require_sense(recipe: Recipe, path: Path) -> None:
    if not recipe.stages:
        raise ModelInputError(f"the recipe {path} has no stages: give at least one")
    _require_even_heads(recipe.trunk, path)
    shares = {"styles": asdict(recipe.styles)}
    shares |= {f"stages.{i}.tasks": stage.tasks for i, stage in enumerate(recipe.stages)}
    for where, parts in shares.items():
        if min(parts.values(), default=0) < 0 or not math.isclose(sum(parts.values()), 1):
            raise ModelInputError(f"the recipe {path}, {where}: the shares must sum to 1")
    for stage in recipe.stages:
        for task in stage.tasks:
            parse_generated(task)


def _require_even_heads(trunk: Trunk, where: Path | str) -> None:
    if trunk.embed_dim % (2 * trunk.heads):
        raise ModelInputError(
            f"the recipe {where}, trunk: embed_dim must be an even number of times heads"
        )


Method = Literal["supervised", "rejection", "grpo", "verifier", "distill"]


@STRICT
@dataclass(frozen=True)
class Sampling:
    """`attempts` at each of `problems`, drawn anew each time, at `temperature`."""

    problems: PositiveInt
    attempts: PositiveInt
    temperature: PositiveFloat
    think_budget: PositiveInt


@STRICT
@dataclass(frozen=True)
class HeldOut:
    """Greedy accuracy on so many test problems after every so many updates (or rounds)."""

    problems: PositiveInt
    every: PositiveInt


@STRICT
@dataclass(frozen=True)
class MethodRecipe:
    """What all methods that start from a model share; `steps` are rounds or updates."""

    method: Method
    name: str
    seed: int
    task: str
    steps: PositiveInt
    sampling: Sampling
    optimizer: AdamW


@STRICT
@dataclass(frozen=True)
class Grpo(MethodRecipe):
    """Policy gradient with verifiable reward: `steps` rollouts, each split into `minibatches`
    updates. `clip` bounds the ratio to the policy that sampled; `kl_weight` ties to the start."""

    minibatches: PositiveInt
    clip: PositiveFloat
    kl_weight: NonNegativeFloat
    tested: HeldOut


@STRICT
@dataclass(frozen=True)
class Rejection(MethodRecipe):
    """Expert iteration: in each of `steps` rounds sample, keep right attempts, at most
    `kept_per_problem` different ones, and make `updates` of `batch` rows on all kept so far."""

    kept_per_problem: PositiveInt
    updates: PositiveInt
    batch: PositiveInt
    tested: HeldOut


@STRICT
@dataclass(frozen=True)
class Verifier(MethodRecipe):
    """An outcome reward model: a head of width `hidden` on the trunk, taught in `steps` updates
    of `batch` rows to tell the right attempts of `sampling` from the wrong ones.

    The head reads the trunk of the model that it judges, whose states are at hand, or, with
    `own_trunk`, a copy of it that is taught with the head and must read every attempt anew.
    """

    hidden: PositiveInt
    own_trunk: bool
    batch: PositiveInt


@STRICT
@dataclass(frozen=True)
class Distill(MethodRecipe):
    """A smaller student of sizes `trunk`, taught in `steps` updates of `batch` rows on what the
    teacher says: its tokens, and its distribution over each of them with weight `kl_weight`."""

    trunk: Trunk
    kl_weight: NonNegativeFloat
    batch: PositiveInt
    tested: HeldOut


_KINDS: dict[Method, type[MethodRecipe]] = {
    "grpo": Grpo, "rejection": Rejection, "verifier": Verifier, "distill": Distill
}  # fmt: skip


def committed_recipe(method: Method) -> Path:
    """The recipe that comes with rooflink for `method`."""
    name = "reasoner" if method == "supervised" else method
    return Path(str(files(__package__).joinpath(f"{name}.toml")))


def load_any_recipe(path: Path) -> Recipe | MethodRecipe:
    """The recipe at `path`, of the method that its field `method` names (supervised by default).
    Raises ModelInputError as `load_recipe` does, and for an unknown method."""
    table = read_toml(path)
    method = table.get("method", "supervised")
    if method == "supervised":
        return load_recipe(path)
    if method not in _KINDS:
        raise ModelInputError(
            f"the recipe {path} has no method '{method}': write one of {', '.join(_KINDS)}"
        )
    recipe = as_recipe(table, _KINDS[method], path)
    require_sense(recipe, path)
    return recipe


def require_sense(recipe: MethodRecipe, where: Path | str) -> None:
    """Raise ModelInputError for a task that cannot be generated, or sizes that do not fit."""
    parse_generated(recipe.task)
    rows = recipe.sampling.problems * recipe.sampling.attempts
    if isinstance(recipe, Grpo) and rows % recipe.minibatches:
        raise ModelInputError(
            f"the recipe {where}: {rows} attempts do not split into {recipe.minibatches} equal "
            "minibatches"
        )
    if isinstance(recipe, Grpo) and recipe.sampling.attempts < 2:
        raise ModelInputError(
            f"the recipe {where}: a group of 1 attempt has no advantage: set attempts to 2 or more"
        )
    if isinstance(recipe, Distill):
        _require_even_heads(recipe.trunk, where)
