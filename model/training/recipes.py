"""Recipes: everything that decides what a training ends with, read from TOML.

A supervised recipe trains from scratch; the others start from a model, and `method` says which
of them a file holds.
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from ..config import ModelConfig, ModelInputError
from ..tasks.parse import parse_generated
from ..tasks.task import WORDS


class _Strict:
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Trunk(_Strict):
    """The sizes of the model to train; heads are all KV heads."""

    layers: PositiveInt
    embed_dim: PositiveInt
    heads: PositiveInt
    mlp_dim: PositiveInt
    context_length: PositiveInt

    def __post_init__(self) -> None:
        if self.embed_dim % (2 * self.heads):
            raise ModelInputError("embed_dim must be an even number of times heads")

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


@dataclass(frozen=True)
class AdamW(_Strict):
    """AdamW (Loshchilov & Hutter 2019): linear warm-up, then a cosine to zero."""

    learning_rate: float
    warmup_steps: PositiveInt
    weight_decay: float
    clip_norm: float


@dataclass(frozen=True)
class Styles(_Strict):
    """Shares of the examples by what happens to their thought; they sum to 1.

    `whole` thoughts teach thinking, `direct` ones (none at all) answering at once, and `cut` ones
    (ended at a random place) answering from what there is, as budget forcing will ask for.
    """

    whole: float
    direct: float
    cut: float

    def __post_init__(self) -> None:
        _require_shares(vars(self))


@dataclass(frozen=True)
class Stage(_Strict):
    """`steps` updates on a mix of tasks, each with its share; the shares sum to 1."""

    steps: PositiveInt
    tasks: dict[str, float]

    def __post_init__(self) -> None:
        _require_shares(self.tasks)
        for task in self.tasks:
            parse_generated(task)


@dataclass(frozen=True)
class Recipe(_Strict):
    """A supervised run. `row_tokens` is the length of every row; longer examples are refused."""

    name: str
    seed: int
    batch: PositiveInt
    row_tokens: PositiveInt
    trunk: Trunk
    optimizer: AdamW
    styles: Styles
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> Stage:
        """The stage that update number `step` (from 0) belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError(f"{self.name} has no such step")


def _require_shares(shares: Mapping[str, float]) -> None:
    if min(shares.values(), default=0) < 0 or not math.isclose(sum(shares.values()), 1):
        raise ModelInputError("the shares must sum to 1")


def fingerprint(recipe: "Recipe | MethodRecipe", start: str = "") -> str:
    """A hash of every field of `recipe`, and of what it starts from: a checkpoint of another one is
    never resumed."""
    text = json.dumps(asdict(recipe), sort_keys=True) + start
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


Method = Literal["supervised", "rejection", "grpo", "verifier", "distill"]


@dataclass(frozen=True)
class Sampling(_Strict):
    """`attempts` at each of `problems`, drawn anew each time, at `temperature`."""

    problems: PositiveInt
    attempts: PositiveInt
    temperature: PositiveFloat
    think_budget: PositiveInt


@dataclass(frozen=True)
class HeldOut(_Strict):
    """Greedy accuracy on so many test problems after every so many updates (or rounds)."""

    problems: PositiveInt
    every: PositiveInt


@dataclass(frozen=True)
class MethodRecipe(_Strict):
    """What all methods that start from a model share; `steps` are rounds or updates."""

    method: Method
    name: str
    seed: int
    task: str
    steps: PositiveInt
    sampling: Sampling
    optimizer: AdamW

    def __post_init__(self) -> None:
        parse_generated(self.task)


@dataclass(frozen=True)
class Grpo(MethodRecipe):
    """Policy gradient with verifiable reward: `steps` rollouts, each split into `minibatches`
    updates. `clip` bounds the ratio to the policy that sampled; `kl_weight` ties to the start."""

    minibatches: PositiveInt
    clip: PositiveFloat
    kl_weight: NonNegativeFloat
    tested: HeldOut

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = self.sampling.problems * self.sampling.attempts
        if rows % self.minibatches:
            raise ModelInputError(
                f"{rows} attempts do not split into {self.minibatches} equal minibatches"
            )
        if self.sampling.attempts < 2:
            raise ModelInputError(
                "a group of 1 attempt has no advantage: set attempts to 2 or more"
            )


@dataclass(frozen=True)
class Rejection(MethodRecipe):
    """Expert iteration: in each of `steps` rounds sample, keep right attempts, at most
    `kept_per_problem` different ones, and make `updates` of `batch` rows on all kept so far."""

    kept_per_problem: PositiveInt
    updates: PositiveInt
    batch: PositiveInt
    tested: HeldOut


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


@dataclass(frozen=True)
class Distill(MethodRecipe):
    """A smaller student of sizes `trunk`, taught in `steps` updates of `batch` rows on what the
    teacher says: its tokens, and its distribution over each of them with weight `kl_weight`."""

    trunk: Trunk
    kl_weight: NonNegativeFloat
    batch: PositiveInt
    tested: HeldOut


_KINDS: dict[str, type[Recipe | MethodRecipe]] = {
    "supervised": Recipe, "grpo": Grpo, "rejection": Rejection, "verifier": Verifier,
    "distill": Distill,
}  # fmt: skip


def committed_recipe(method: Method) -> Path:
    """The recipe that comes with rooflink for `method`."""
    name = "reasoner" if method == "supervised" else method
    return Path(str(files(__package__).joinpath(f"{name}.toml")))


def load_recipe(path: Path) -> Recipe | MethodRecipe:
    """The recipe in the TOML file at `path`, of the method that its field `method` names
    (supervised by default). Raises ModelInputError for a file that cannot be read, an unknown
    method, a field that is missing, unknown or ill-typed, shares that do not sum to 1, sizes that
    do not fit, or a task that cannot be generated."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelInputError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelInputError(f"the recipe {path} is not TOML: {error}") from None
    method = table.get("method", "supervised")
    kind = _KINDS.get(method) if isinstance(method, str) else None
    if kind is None:
        raise ModelInputError(
            f"the recipe {path} has no method '{method}': write one of {', '.join(_KINDS)}"
        )
    try:
        return TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["ctx"]["error"] if first["type"] == "value_error" else first["msg"]
        raise ModelInputError(f"the recipe {path}{where and f', field {where}'}: {what}") from None
