"""Recipes of the trainings that start from a model: everything that decides what they end with.

Each is read from TOML, where `method` says which it is.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ..errors import ModelInputError
from ..tasks.parse import parse_generated
from .recipe import REASONER, STRICT, AdamW, Recipe, Trunk, as_recipe, load_recipe, read_toml

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
class Grpo:
    """Policy gradient with verifiable reward: `steps` rollouts, each split into `minibatches`
    updates. `clip` bounds the ratio to the policy that sampled; `kl_weight` ties to the start."""

    method: Literal["grpo"]
    name: str
    seed: int
    task: str
    steps: PositiveInt
    sampling: Sampling
    minibatches: PositiveInt
    clip: PositiveFloat
    kl_weight: NonNegativeFloat
    optimizer: AdamW
    tested: HeldOut


@STRICT
@dataclass(frozen=True)
class Rejection:
    """Expert iteration: in each of `steps` rounds sample, keep right attempts, at most
    `kept_per_problem` different ones, and make `updates` of `batch` rows on all kept so far."""

    method: Literal["rejection"]
    name: str
    seed: int
    task: str
    steps: PositiveInt
    sampling: Sampling
    kept_per_problem: PositiveInt
    updates: PositiveInt
    batch: PositiveInt
    optimizer: AdamW
    tested: HeldOut


@STRICT
@dataclass(frozen=True)
class Verifier:
    """An outcome reward model: a head of width `hidden` on the trunk, taught in `steps` updates
    of `batch` rows to tell the right attempts of `sampling` from the wrong ones.

    The head reads the trunk of the model that it judges, whose states are at hand, or, with
    `own_trunk`, a copy of it that is taught with the head and must read every attempt anew.
    """

    method: Literal["verifier"]
    name: str
    seed: int
    task: str
    steps: PositiveInt
    sampling: Sampling
    hidden: PositiveInt
    own_trunk: bool
    batch: PositiveInt
    optimizer: AdamW


@STRICT
@dataclass(frozen=True)
class Distill:
    """A smaller student of sizes `trunk`, taught in `steps` updates of `batch` rows on what the
    teacher says: its tokens, and its distribution over each of them with weight `kl_weight`."""

    method: Literal["distill"]
    name: str
    seed: int
    task: str
    steps: PositiveInt
    trunk: Trunk
    sampling: Sampling
    kl_weight: NonNegativeFloat
    batch: PositiveInt
    optimizer: AdamW
    tested: HeldOut


MethodRecipe = Grpo | Rejection | Verifier | Distill
_KINDS: dict[Method, type[MethodRecipe]] = {
    "grpo": Grpo, "rejection": Rejection, "verifier": Verifier, "distill": Distill
}  # fmt: skip


def committed_recipe(method: Method) -> Path:
    """The recipe that comes with rooflink for `method`."""
    if method == "supervised":
        return REASONER
    return Path(str(files(__package__).joinpath(f"{method}.toml")))


def load_any_recipe(path: Path) -> Recipe | MethodRecipe:
    """The recipe at `path`, of the method that its field `method` names (supervised by default).

    Raises ModelInputError as `load_recipe` does, and for an unknown method.
    """
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
    if isinstance(recipe, Distill) and recipe.trunk.embed_dim % (2 * recipe.trunk.heads):
        raise ModelInputError(
            f"the recipe {where}, trunk: embed_dim must be an even number of times heads"
        )
