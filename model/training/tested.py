"""What a training measures on its way: greedy accuracy on problems of the test split."""

import numpy as np

from ..sampling import Greedy, Sampler
from ..tasks import Problem
from ..tasks.task import GeneratedTask
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .figures import SEED, Figure
from .method_recipes import HeldOut
from .progress import Figures
from .rollout import Thinking, roll_out

TOGETHER = 250
"""Problems answered in one batch."""


def drawn(task: GeneratedTask, problems: int, seed: int, step: int) -> list[Problem]:
    """Problems of the train split for step number `step`: they depend on it and the seed alone."""
    rng = np.random.default_rng([seed, step])
    return [task.draw("train", rng) for _ in range(problems)]


def right_of(
    model: Transformer, tokenizer: Tokenizer, task: GeneratedTask, problems: int, sampler: Sampler,
    think_budget: int,
) -> Figure:  # fmt: skip
    """One attempt at each of `problems` of the test split."""
    asked = task.problems("test", problems, SEED)
    right = 0
    for first in range(0, problems, TOGETHER):
        some = asked[first : first + TOGETHER]
        thinking = Thinking(sampler, 1, think_budget)
        right += int(roll_out(model, tokenizer, some, thinking, SEED, first).right.sum())
    return Figure(f"{task.name}, {sampler.describe()}", right, problems)


def tested_figures(
    tested: HeldOut, step: int, steps: int, model: Transformer, tokenizer: Tokenizer,
    task: GeneratedTask, think_budget: int,
) -> Figures:  # fmt: skip
    """Greedy accuracy where step number `step` (from 0) is one to be tested, or nothing."""
    if (step + 1) % tested.every and step + 1 != steps:
        return {}
    found = right_of(model, tokenizer, task, tested.problems, Greedy(), think_budget)
    return {"test_right": found.right, "test_problems": found.n}
