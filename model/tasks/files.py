"""Tasks whose problems are a fixed list: files in published formats, and the bundled few."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..errors import ModelInputError
from .problem import Problem
from .task import Split, stable_hash


@dataclass(frozen=True)
class ListedTask:
    """Problems read from a file. A hash of each question sends it to one half or the other.

    Choose a strategy on 'train' and report it on 'test'. Where `whole`, all of the problems are
    'test' and there is no 'train'.
    """

    name: str
    listed: tuple[Problem, ...]
    whole: bool = False

    @property
    def guess_rate(self) -> float:
        """How often the answer of another problem, drawn at random, happens to be right."""
        n = len(self.listed)
        counts = Counter(problem.expected for problem in self.listed).values()
        return sum(count * (count - 1) for count in counts) / (n * (n - 1)) if n > 1 else 0.0

    def problems(self, split: Split, limit: int | None = None, seed: int = 0) -> list[Problem]:
        """`limit` problems of the split picked by `seed`, in the file's order."""
        ours = [problem for problem in self.listed if self._split_of(problem) == split]
        wanted = len(ours) if limit is None else limit
        if not ours or wanted > len(ours):
            raise ModelInputError(
                f"{self.name} has {len(ours)} {split} problems, not {max(wanted, 1)}: lower --limit"
            )
        picked = np.random.default_rng(seed).permutation(len(ours))[:wanted]
        return [ours[i] for i in sorted(picked)]

    def _split_of(self, problem: Problem) -> Split:
        return "test" if self.whole or stable_hash(problem.question) % 2 else "train"
