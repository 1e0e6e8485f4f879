"""Recipes: everything that decides what a training ends with, read from TOML.

A supervised recipe trains from scratch; the others start from a model, and `method` says which
of them a file holds.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError

from ..config import ModelConfig, ModelInputError
from ..input_files import MiB, read_text, toml_table
from ..tasks.parse import parse_generated
from ..tasks.task import WORDS

MOST_PARAMETERS = 1 << 28
"""Of a trunk: AdamW holds 16 bytes of each, and this trainer is for small models."""
PROMPT_AND_ANSWER = 32
"""Tokens: more than any task's prompt and the answer to it."""
MOST_BATCH_TOKENS = 1 << 18
"""Of one update: logits of each over the vocabulary are held at once."""

Size = Annotated[int, Field(strict=True, ge=1, le=1 << 20)]
Steps = Annotated[int, Field(strict=True, ge=1, le=10**9)]
Attempts = Annotated[int, Field(strict=True, ge=1, le=256)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 31)]
Weight = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, le=1e6, allow_inf_nan=False)]
Temperature = Annotated[float, Field(strict=True, ge=0.01, le=100, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected characters that can be printed")
    return text


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]


class _Strict:
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Trunk(_Strict):
    """The sizes of the model to train; heads are all KV heads."""

    layers: Size
    embed_dim: Size
    heads: Size
    mlp_dim: Size
    context_length: Size

    def __post_init__(self) -> None:
        if self.embed_dim % (2 * self.heads):
            raise ModelInputError("embed_dim must be an even number of times heads")
        parameters = self.config("trunk").parameters
        if parameters > MOST_PARAMETERS:
            raise ModelInputError(
                f"these sizes have {parameters:.3g} parameters, expected {MOST_PARAMETERS} at most"
            )

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

    learning_rate: Positive
    warmup_steps: Steps
    weight_decay: Weight
    clip_norm: Positive


@dataclass(frozen=True)
class Styles(_Strict):
    """Shares of the examples by what happens to their thought; they sum to 1.

    `whole` thoughts teach thinking, `direct` ones (none at all) answering at once, and `cut` ones
    (ended at a random place) answering from what there is, as budget forcing will ask for.
    """

    whole: Share
    direct: Share
    cut: Share

    def __post_init__(self) -> None:
        _require_shares(vars(self))


@dataclass(frozen=True)
class Stage(_Strict):
    """`steps` updates on a mix of tasks, each with its share; the shares sum to 1."""

    steps: Steps
    tasks: dict[str, Share]

    def __post_init__(self) -> None:
        _require_shares(self.tasks)
        for task in self.tasks:
            parse_generated(task)


@dataclass(frozen=True)
class Recipe(_Strict):
    """A supervised run. `row_tokens` is the length of every row; longer examples are refused."""

    name: Name
    seed: Seed
    batch: Size
    row_tokens: Size
    trunk: Trunk
    optimizer: AdamW
    styles: Styles
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        _require_batch(self.batch, self.row_tokens)

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


def _require_batch(rows: int, row_tokens: int) -> None:
    if rows * row_tokens > MOST_BATCH_TOKENS:
        raise ModelInputError(
            f"one update on {rows} rows of {row_tokens} tokens is too large, expected at most "
            f"{MOST_BATCH_TOKENS} tokens"
        )


def fingerprint(recipe: "Recipe | MethodRecipe", start: str = "") -> str:
    """A hash of every field of `recipe`, and of what it starts from: a checkpoint of another one is
    never resumed."""
    text = json.dumps(asdict(recipe), sort_keys=True) + start
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


Method = Literal["supervised", "rejection", "grpo", "verifier", "distill"]


@dataclass(frozen=True)
class Sampling(_Strict):
    """`attempts` at each of `problems`, drawn anew each time, at `temperature`."""

    problems: Size
    attempts: Attempts
    temperature: Temperature
    think_budget: Size


@dataclass(frozen=True)
class HeldOut(_Strict):
    """Greedy accuracy on so many test problems after every so many updates (or rounds)."""

    problems: Size
    every: Size


@dataclass(frozen=True)
class MethodRecipe(_Strict):
    """What all methods that start from a model share; `steps` are rounds or updates."""

    method: Method
    name: Name
    seed: Seed
    task: str
    steps: Steps
    sampling: Sampling
    optimizer: AdamW

    def __post_init__(self) -> None:
        parse_generated(self.task)

    def require_update(self, rows: int) -> None:
        """Raise ModelInputError where an update on so many attempts is too large."""
        _require_batch(rows, self.sampling.think_budget + PROMPT_AND_ANSWER)


@dataclass(frozen=True)
class BatchRecipe(MethodRecipe):
    """A method whose updates are on `batch` rows."""

    batch: Size

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_update(self.batch)


@dataclass(frozen=True)
class Grpo(MethodRecipe):
    """Policy gradient with verifiable reward: `steps` rollouts, each split into `minibatches`
    updates. `clip` bounds the ratio to the policy that sampled; `kl_weight` ties to the start."""

    minibatches: Size
    clip: Positive
    kl_weight: Weight
    tested: HeldOut

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = self.sampling.problems * self.sampling.attempts
        if rows % self.minibatches:
            raise ModelInputError(
                f"{rows} attempts do not split into {self.minibatches} equal minibatches"
            )
        self.require_update(rows // self.minibatches)
        if self.sampling.attempts < 2:
            raise ModelInputError(
                "a group of 1 attempt has no advantage: set attempts to 2 or more"
            )


@dataclass(frozen=True)
class Rejection(BatchRecipe):
    """Expert iteration: in each of `steps` rounds sample, keep right attempts, at most
    `kept_per_problem` different ones, and make `updates` of `batch` rows on all kept so far."""

    kept_per_problem: Size
    updates: Size
    tested: HeldOut


@dataclass(frozen=True)
class Verifier(BatchRecipe):
    """An outcome reward model: a head of width `hidden` on the trunk, taught in `steps` updates
    of `batch` rows to tell the right attempts of `sampling` from the wrong ones.

    The head reads the trunk of the model that it judges, whose states are at hand, or, with
    `own_trunk`, a copy of it that is taught with the head and must read every attempt anew.
    """

    hidden: Size
    own_trunk: StrictBool


@dataclass(frozen=True)
class Distill(BatchRecipe):
    """A smaller student of sizes `trunk`, taught in `steps` updates of `batch` rows on what the
    teacher says: its tokens, and its distribution over each of them with weight `kl_weight`."""

    trunk: Trunk
    kl_weight: Weight
    tested: HeldOut


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe | MethodRecipe)
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
    method, a field that is missing, unknown, ill-typed or too large, shares that do not sum to 1,
    sizes that do not fit, or a task that cannot be generated."""
    table = toml_table(read_text(path, "recipe", most_bytes=MiB), f"the recipe {path}")
    method = table.get("method", "supervised")
    kind = _KINDS.get(method) if isinstance(method, str) else None
    if kind is None:
        raise ModelInputError(
            f"the recipe {path} has no method {method!r}: write one of {', '.join(_KINDS)}"
        )
    if kind is Recipe:
        table.pop("method", None)
    return _checked(kind, table, f"the recipe {path}")


def changed_recipe(recipe: AnyRecipe, **changes: object) -> AnyRecipe:
    """`recipe` with other fields; ModelInputError, naming the field, for what it cannot have."""
    return _checked(type(recipe), asdict(recipe) | changes, f"the recipe '{recipe.name}'")


def cut_recipe(recipe: Recipe, updates: int) -> Recipe:
    """`recipe` cut off, or its last stage drawn out, after so many updates."""
    stages, left = [], updates
    for stage in recipe.stages:
        if left:
            steps = left if stage is recipe.stages[-1] else min(left, stage.steps)
            stages.append({"steps": steps, "tasks": stage.tasks})
            left -= steps
    return changed_recipe(recipe, stages=stages)


@cache  # making one takes longer than all it reads
def _adapter(kind: type[AnyRecipe]) -> TypeAdapter[AnyRecipe]:
    return TypeAdapter(kind)


def _checked(kind: type[AnyRecipe], table: dict[str, object], what: str) -> AnyRecipe:
    try:
        return _adapter(kind).validate_python(table)  # type: ignore[arg-type]  # classes hash
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        said = first["msg"].replace("Input should be", "expected")
        if first["type"] == "dataclass_type":
            said = "expected a table"  # pydantic's words name the class
        wrong = first["ctx"]["error"] if first["type"] == "value_error" else said
        raise ModelInputError(f"{what}{field and f', field {field}'}: {wrong}") from None
