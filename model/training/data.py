"""What a training from scratch needs: batches of worked examples, a tokenizer, starting weights.

Each batch follows from (recipe, step) alone, so that a resumed run sees the same. The tokenizer
has one token for each word of the notation. Axis letters: B rows of a batch, T tokens of a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tokenizers
from flax import nnx
from jax import Array
from tokenizers import AddedToken, models, pre_tokenizers

from ..config import ModelConfig, ModelInputError
from ..layers import INITIAL_SCALE
from ..tasks import GeneratedTask, Problem, Trace, parse_generated
from ..tasks.task import CONTROL, END, END_OF_THOUGHT, UNKNOWN, WORDS
from ..transformer import Transformer, random_transformer
from ..weights.host_memory import require_memory
from .recipes import Distill, Recipe, Verifier

_IDS = {word: number for number, word in enumerate(WORDS)}
_END_OF_ROW = _IDS[END]

MANY = 200
"""Examples that have every length of a task's: it follows from one of 12 levels at most."""
UPDATES_PER_POINT = 50
"""Updates whose mean loss is a point of the learning curve."""


@dataclass(frozen=True)
class Rows:
    """Token rows and which of their tokens the loss asks the model to predict."""

    tokens: np.ndarray  # [B, T] int32
    taught: np.ndarray  # [B, T] float32, 0 or 1

    @property
    def lengths(self) -> np.ndarray:
        """[B] tokens of each row up to its last taught one, which is its last but for padding."""
        last = self.taught.shape[1] - np.argmax(self.taught[:, ::-1] > 0, axis=1)
        return np.where(self.taught.any(axis=1), last, 0)

    def take(self, which: np.ndarray) -> "Rows":
        return Rows(self.tokens[which], self.taught[which])

    @staticmethod
    def joined(parts: "Sequence[Rows]") -> "Rows":
        """The rows of all `parts`, which are equally long, one after the other."""
        return Rows(
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.taught for part in parts]),
        )


class Example(NamedTuple):
    """One row's words before padding, and whether each is supervised."""

    words: tuple[str, ...]
    taught: tuple[bool, ...]


def example(problem: Problem, trace: Trace, kept: int | None) -> Example:
    """`problem` thought through as in `trace`: the whole of it, or cut after `kept` words.

    Where the thought is cut its end marker is forced at inference, so saying it is not taught. A
    word that would state an untaught fact is never supervised.
    """
    prompt = str(problem.notation).split()
    thought = trace.thought if kept is None else trace.thought[:kept]
    sure = kept is None or kept not in trace.untaught_answers
    words = (*prompt, *thought, END_OF_THOUGHT, *trace.answer, END)
    taught = (
        *[False] * len(prompt),
        *[place not in trace.untaught for place in range(len(thought))],
        kept is None,
        *[sure] * len(trace.answer),
        True,
    )
    return Example(words, taught)


def rows(examples: list[Example], row_tokens: int) -> Rows:
    """Examples as ids, filled up to `row_tokens`; ModelInputError for one that is longer."""
    tokens = np.full((len(examples), row_tokens), _END_OF_ROW, np.int32)
    taught = np.zeros((len(examples), row_tokens), np.float32)
    for row, one in enumerate(examples):
        n = len(one.words)
        if n > row_tokens:
            raise ModelInputError(
                f"an example takes {n} tokens, the recipe's row_tokens is {row_tokens}: raise it"
            )
        tokens[row, :n] = [_IDS[word] for word in one.words]
        taught[row, :n] = one.taught
    return Rows(tokens, taught)


def require_rows(recipe: Recipe) -> None:
    """Raise ModelInputError, before a training and not in the middle of it, where a whole example
    of one of the recipe's tasks is longer than its rows."""
    rng = np.random.default_rng(recipe.seed)
    for name in {name: None for stage in recipe.stages for name in stage.tasks}:
        task = _task(name)
        problems = [task.draw("train", rng) for _ in range(MANY)]
        rows([example(one, task.trace(one, rng), kept=None) for one in problems], recipe.row_tokens)


def batch_at(recipe: Recipe, step: int) -> Rows:
    """The batch of update number `step`: problems of the train split in the stage's mix."""
    rng = np.random.default_rng([recipe.seed, step])
    mix = recipe.stage_at(step).tasks
    names = sorted(mix)
    chosen = rng.choice(len(names), size=recipe.batch, p=[mix[name] for name in names])
    return rows([_draw(recipe, _task(names[i]), rng) for i in chosen], recipe.row_tokens)


def points(recipe: Distill | Verifier) -> int:
    """Points of the learning curve of a run that updates on rows sampled once."""
    return -(-recipe.steps // UPDATES_PER_POINT)


def random_rows(recipe: Distill | Verifier, point: int, rows: int) -> Iterator[np.ndarray]:
    first = point * UPDATES_PER_POINT
    for step in range(first, min(first + UPDATES_PER_POINT, recipe.steps)):
        rng = np.random.default_rng([recipe.seed, step, 1])
        yield rng.integers(rows, size=recipe.batch)


def _draw(recipe: Recipe, task: GeneratedTask, rng: np.random.Generator) -> Example:
    problem = task.draw("train", rng)
    trace = task.trace(problem, rng)
    styles = recipe.styles
    u = rng.random()
    if u < styles.whole:
        return example(problem, trace, kept=None)
    cut = u < styles.whole + styles.cut
    return example(problem, trace, kept=int(rng.integers(len(trace.thought))) if cut else 0)


_task = cache(parse_generated)


def notation_tokenizer() -> tokenizers.Tokenizer:
    """Words between blanks; a word outside the notation is `UNKNOWN`."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    built = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    built.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    built.add_special_tokens([AddedToken(word, normalized=False) for word in CONTROL])
    return built


def new_model(recipe: Recipe | Distill) -> Transformer:
    """The model that a recipe starts with. Raises ModelInputError where the machine has no room for
    it, its gradient and the optimiser's two moments."""
    config = recipe.trunk.config(recipe.name)
    require_memory(4 * config.weight_bytes("float32"), f"training {config.parameters:,} parameters")
    return initial_transformer(config, recipe.seed)


_ONTO_RESIDUAL = ("output", "down")


@partial(jax.jit, static_argnames=("config", "seed"))
def initial_transformer(config: ModelConfig, seed: int) -> Transformer:
    """A float32 model whose matrices keep the scale of what they read.

    Standard deviation 1 / sqrt(fan-in), the embedding's 1 / sqrt(D) as its logits need; matrices
    that write to the residual stream are smaller by sqrt(2 L) (GPT-2, Radford et al. 2019).
    """
    graph, state = nnx.split(random_transformer(config, jnp.float32, seed))
    flat = [
        (path, variable.replace(_scaled(config, str(path[-1]), variable[...])))
        for path, variable in nnx.to_flat_state(state)
    ]
    model: Transformer = nnx.merge(graph, nnx.from_flat_state(flat))
    return model


def _scaled(config: ModelConfig, name: str, value: Array) -> Array:
    if "norm" in name:
        return value
    fan_in = config.embed_dim if name == "embedding" else value.shape[-2]
    depth = 2 * config.layers if name in _ONTO_RESIDUAL else 1
    return value * ((fan_in * depth) ** -0.5 / INITIAL_SCALE)
