"""What a training costs: its work counted and its time measured, phase by phase, as it goes on.

FLOPs of an update are those of the forward pass times what the gradient's own jaxpr has more: 3,
since each matmul y = x W has two more in the backward pass, dx = dy W' and dW = x' dy.

HBM bytes of an update, by the rules of `counted.passes`:
  weights      read by both passes, their gradient written; the optimiser reads weight, gradient
               and two moments, and writes weight and moments: 10 times the weights' bytes
  KV           read and written by both passes, the backward one as gradients
  activations  input and result of each of the 3 matmuls
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ..model.config import ModelConfig
from ..model.generation.pass_log import decode_record, prompt_record
from ..model.phases import ANSWER, THINK, THINK_AND_ANSWER
from ..model.sampling import Greedy
from ..model.tasks.parse import parse_generated
from ..model.tokenizer import Tokenizer
from ..model.training.data import notation_tokenizer
from ..model.training.loop import Figures
from ..model.training.methods import (
    AMPLE_BUDGET,
    OTHER_TASKS,
    learner_config,
    require_others,
    train,
    train_supervised,
)
from ..model.training.model_folder import open_start
from ..model.training.recipes import MethodRecipe, Recipe, fingerprint
from ..model.training.rollout import Figure, Rollouts, held_out_figure
from ..model.training.updates import cross_entropy
from ..model.transformer import abstract_transformer
from .backend import provenance
from .counted.phase_costs import Passes, passes_of
from .counted.unit_costs import Operations, count, unit_costs
from .errors import Watcher
from .outcome import wilson_interval
from .records import CountedCost, HbmBytes
from .records.lenses import sum_costs
from .records.training import LoopCost, LoopPhase, TestShare, Training

WEIGHT_MOVES = 10
"""Times that an update of AdamW moves all weights' bytes, see above."""

ROW_TOKENS = 8
"""Of the row whose loss is traced to compare forward and gradient."""


def row_passes(lengths: Sequence[int]) -> Passes:
    """One pass over whole rows of `lengths` tokens, logits of every position wanted."""
    rows = np.asarray(lengths, np.int64)
    read = np.array([rows.sum()])
    pairs = np.array([(rows * (rows + 1) // 2).sum()])
    return Passes(tokens=read, pairs=pairs, heads=read, cached=read, near_pairs=pairs,
                  near_cached=read, of_prompt=True)  # fmt: skip


def update_cost(config: ModelConfig, lengths: Sequence[int]) -> CountedCost:
    """One update of a float32 model on rows of `lengths` tokens: both passes and AdamW."""
    forward = row_passes(lengths).total(unit_costs(config, "float32"))
    matmuls, vector = gradient_factors(config)
    moved = forward.hbm_bytes
    return CountedCost(
        flops=round(forward.flops * matmuls),
        vector_flops=round(forward.vector_flops * vector),
        hbm_bytes=HbmBytes(
            weights=WEIGHT_MOVES * config.weight_bytes("float32"),
            kv_read=2 * moved.kv_read,
            kv_write=2 * moved.kv_write,
            activations=3 * moved.activations,
        ),
    )


@cache
def gradient_factors(config: ModelConfig) -> tuple[float, float]:
    """How many times the forward pass's matmul FLOPs and vector operations a gradient takes,
    the forward pass included: read off the traced programs."""
    model = abstract_transformer(config, jnp.float32)
    tokens = jax.ShapeDtypeStruct((1, ROW_TOKENS), jnp.int32)
    taught = jax.ShapeDtypeStruct((1, ROW_TOKENS), jnp.float32)
    forward = _counted(cross_entropy, model, tokens, taught)
    both = _counted(jax.value_and_grad(cross_entropy), model, tokens, taught)
    return (
        both.matmul_flops / forward.matmul_flops,
        both.vector_flops / forward.vector_flops,
    )


def _counted(program: Callable[..., object], *arguments: object) -> Operations:
    return count(jax.make_jaxpr(program)(*arguments))


PHASES = (*THINK_AND_ANSWER, "reward", "reference", "update")
NOTHING = CountedCost(
    flops=0, vector_flops=0, hbm_bytes=HbmBytes(weights=0, kv_read=0, kv_write=0, activations=0)
)


def _told(figures: Figures) -> str:
    """A step's figures that are shown while a training runs: 'loss 0.31, reward 0.47'."""
    told = [f"{name} {figures[name]:.3g}" for name in ("loss", "reward") if name in figures]
    if problems := figures.get("test_problems"):
        told.append(f"{figures['test_right'] / problems:.0%} of test problems right")
    return ", ".join(told)


class LoopListener:
    """Passes a training's progress on to a watcher; hears nothing of its work."""

    def __init__(self, name: str, watcher: Watcher, unit: str = "steps") -> None:
        self._name, self._watcher, self._unit = name, watcher, unit
        watcher.stage(f"Training {name}: the first step, which compiles")
        self._step, self._started = 0, False
        self._steps = 0  # that this process made

    def resumed(self, step: int) -> None:
        """So many steps were done before."""
        self._step = step

    def advanced(self, figures: Figures, steps: int) -> None:
        """Step number figures['step'] of `steps` is done."""
        done = int(figures["step"]) - self._step
        before, self._step = self._step, int(figures["step"])
        self._steps += done
        if not self._started:  # those to come alone tell a rate and the time left
            went_on = f", {before:,} of {steps:,} done before" if before else ""
            self._watcher.stage(f"Training {self._name}{went_on}", steps - self._step, self._unit)
            self._started, done = True, 0
        self._watcher.advance(done, _told(figures))

    def phase(self, name: str, time_s: float) -> None: ...

    def sampled(self, rollouts: Rollouts) -> None: ...

    def scored(self, lengths: list[int], models: int) -> None: ...

    def updated(self, lengths: list[int]) -> None: ...


class LoopLedger(LoopListener):
    """Adds up what a training loop tells of its work (`model.training.loop.LoopWatcher`).

    `speaker` samples and scores attempts; `learner` is updated (a student may be another model).
    The checker runs on the host: the phase reward has a time and no counted cost. Nor have the
    updates of a verifier's head alone: below 1 % of reading the attempt with its trunk.
    """

    def __init__(
        self, name: str, watcher: Watcher, speaker: ModelConfig, learner: ModelConfig
    ) -> None:
        super().__init__(name, watcher)
        self._learner, self._unit_costs = learner, unit_costs(speaker, "float32")
        self._time_s: dict[str, float] = defaultdict(float)
        self._tokens: dict[str, int] = defaultdict(int)
        self._passes: dict[str, int] = defaultdict(int)
        self._counted: dict[str, CountedCost] = defaultdict(lambda: NOTHING)
        self._attempts = 0

    def phase(self, name: str, time_s: float) -> None:
        """A phase took so long."""
        self._time_s[name] += time_s

    def sampled(self, rollouts: Rollouts) -> None:
        """Count the generation of these attempts; as a lean engine makes its passes."""
        shape = rollouts.right.shape
        think = np.array([len(one.thought) - 1 for one in rollouts.attempts]).reshape(shape)
        answer = np.array([len(one.answer) for one in rollouts.attempts]).reshape(shape)
        prompts = rollouts.prompt_lengths.tolist()
        none = np.zeros(shape, np.int64)
        for record in (
            prompt_record(prompts),
            decode_record(THINK, prompts, none, think),
            decode_record(ANSWER, prompts, think, answer),
        ):
            self._read(record.phase, passes_of(record))
        self._attempts += rollouts.right.size

    def scored(self, lengths: list[int], models: int) -> None:
        """Count one pass over rows of `lengths` under each of `models`."""
        for _ in range(models):
            self._read("reference", row_passes(lengths))

    def updated(self, lengths: list[int]) -> None:
        """Count one update on rows of `lengths`."""
        self._add("update", sum(lengths), 1, update_cost(self._learner, lengths))

    def cost(self) -> LoopCost | None:
        """All of it; None where nothing was done."""
        phases = [
            LoopPhase(
                name=name,
                tokens=self._tokens[name],
                passes=self._passes[name],
                counted=self._counted[name],
                time_s=self._time_s[name],
            )
            for name in PHASES
            if name in self._time_s
        ]
        if not phases:
            return None
        return LoopCost(steps=self._steps, attempts=self._attempts, phases=phases)

    def _read(self, name: str, passes: Passes) -> None:
        tokens = int(passes.tokens.sum())
        self._add(name, tokens, len(passes.tokens), passes.total(self._unit_costs))

    def _add(self, name: str, tokens: int, passes: int, cost: CountedCost) -> None:
        self._tokens[name] += tokens
        self._passes[name] += passes
        self._counted[name] = sum_costs([self._counted[name], cost])


def run_method(
    recipe: MethodRecipe, start_name: str, out: Path, command: str, watcher: Watcher,
    test_problems: int,
) -> Training:  # fmt: skip
    """Train by `recipe` from the model called `start_name` into `out`; resumes what is there.

    Raises ModelInputError for a start that does not speak the notation, or another run's folder.
    """
    start = open_start(start_name)
    ledger = LoopLedger(recipe.name, watcher, start.model.config, learner_config(recipe, start))
    outcome = train(recipe, start, out, ledger, test_problems)
    return Training(
        provenance=provenance(command, recipe.seed, ran=True),
        method=recipe.method,
        recipe=recipe.name,
        recipe_fingerprint=fingerprint(recipe),
        task=recipe.task,
        start=start_name,
        steps=recipe.steps,
        train_s=outcome.train_s,
        curve=list(outcome.curve),
        before=[_share(figure) for figure in outcome.before],
        after=[_share(figure) for figure in outcome.after],
        cost=ledger.cost(),
    )


def run_supervised(
    recipe: Recipe, out: Path, command: str, watcher: Watcher, test_problems: int
) -> Training:
    """Train from scratch by a supervised `recipe` into `out`; resumes what is there."""
    tokenizer = Tokenizer(notation_tokenizer())
    require_others(recipe.trunk.config(recipe.name), tokenizer, test_problems)
    finished = train_supervised(recipe, out, LoopListener(recipe.name, watcher, "updates"))
    model = finished.state[0]
    tasks = [parse_generated(task) for task in OTHER_TASKS]
    after = [
        held_out_figure(model, tokenizer, task, test_problems, Greedy(), AMPLE_BUDGET)
        for task in tasks
    ]
    return Training(
        provenance=provenance(command, recipe.seed, ran=True),
        method="supervised",
        recipe=recipe.name,
        recipe_fingerprint=fingerprint(recipe),
        task=None,
        start=None,
        steps=recipe.steps,
        train_s=finished.train_s,
        curve=list(finished.curve),
        before=[],
        after=[_share(figure) for figure in after],
        cost=None,
    )


def _share(figure: Figure) -> TestShare:
    low, high = wilson_interval(figure.right, figure.n)
    return TestShare(what=figure.what, right=figure.right, problems=figure.n, low=low, high=high)
