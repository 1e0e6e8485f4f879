"""The grid of an evaluation: its cells, what all of them share, and the finished ones on disk, each
written whole under a name that its settings decide.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from ...model.phases import THINK
from ...model.reward_model import TrainedVerifier
from ...model.strategies.base import MOST_ATTEMPTS, Strategy
from ...model.strategies.registry import parse_strategy, with_verifier
from ...model.tasks import Problem, Task
from ...model.transformer import Transformer
from ...model.weights.checkpoint import digest_of
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..model_spec import Subject
from ..predicted.economics import Terms
from ..records.evaluation import Cell
from ..records.files import load_record, write_text
from ..strategy_request import TRAINED, require_use, verifiers_with
from .budgets import Budget

SAMPLE = "sample"
MOST_BUDGET = 10**8
"""Tokens of one thought: no context is longer."""
MOST_ROWS = 1024
"""Rows that run together by default: questions times attempts."""

MOST_KV_BYTES = 1e9
"""And the most that their caches may take."""


@dataclass(frozen=True)
class Place:
    """One cell: a strategy as the command line has it, and a budget of thought tokens."""

    strategy: str
    budget: int | None  # None: it has no thought

    @property
    def words(self) -> str:
        """'greedy @16'."""
        return self.strategy if self.budget is None else f"{self.strategy} @{self.budget}"


@dataclass(frozen=True)
class Grid:
    """What is evaluated. `places` in the order in which they run."""

    subject: Subject
    task: Task
    problems: Sequence[Problem]
    places: Sequence[Place]
    answer_budget: int
    ks: Sequence[int] = ()
    batch: int | None = None  # questions that run together; None: what suits
    limit: Budget | None = None  # on each question
    slices: Sequence[Slice] = ()
    chips: Sequence[Chip] = ()  # each on its smallest slice that holds the run
    terms: Terms = field(default_factory=Terms)
    seed: int = 0
    verifier: TrainedVerifier | None = None
    drafts: Mapping[str, Transformer] = field(default_factory=dict)  # as strategies ask for them

    @property
    def longest_thought(self) -> int:
        """The largest budget of any cell."""
        return max((place.budget or 1 for place in self.places), default=1)

    @property
    def widest(self) -> int:
        """Most rows that one question has in any cell."""
        strategies = [self.strategy(place) for place in self.places]
        return max((strategy.rows for strategy in strategies), default=1)

    def strategy(self, place: Place) -> Strategy:
        """The strategy of a cell, for its settings: `Runner` runs it."""
        return parse_strategy(place.strategy, verifiers_with(self.verifier))

    def questions_together(self, prompt_tokens: int) -> int:
        """How many questions run together: of nearly even batches within the two bounds."""
        if self.batch is not None:
            return min(self.batch, len(self.problems))
        slots = prompt_tokens + self.longest_thought + self.answer_budget
        row_bytes = self.subject.config.kv_bytes_per_token(self.subject.dtype) * slots
        rows = min(MOST_ROWS, int(MOST_KV_BYTES / row_bytes))
        most = max(1, rows // self.widest)
        batches = -(-len(self.problems) // most)
        return -(-len(self.problems) // batches)


def places_of(
    strategies: Sequence[str],
    budgets: Sequence[int],
    ks: Sequence[int],
    verifier: TrainedVerifier | None = None,
) -> list[Place]:
    """Every strategy at every budget, one without a thought once; with `ks`, samples as well.

    A strategy that takes a verifier and names none takes the trained one, where there is one.
    Raises ModelInputError for a strategy that is not known, ProfileInputError for bad numbers.
    """
    _require_within("--think-budget", budgets, MOST_BUDGET)
    _require_within("--attempts", ks, MOST_ATTEMPTS)
    verifiers = verifiers_with(verifier)
    if verifier is not None:
        strategies = [with_verifier(text, TRAINED) for text in strategies]
        require_use(strategies)
    texts = list(dict.fromkeys(strategies))
    parsed = [parse_strategy(text, verifiers) for text in texts]
    samples = [strategy.rows for strategy in parsed if strategy.independent]
    if ks and max(samples, default=0) < max(ks):
        texts.append(f"{SAMPLE}:n={max(ks)}")
    if not texts or not budgets:
        raise ProfileInputError(
            "there is nothing to evaluate: name --strategies and --think-budget"
        )
    places = []
    for text in texts:
        thinks = THINK in parse_strategy(text, verifiers).phases
        places += [Place(text, budget) for budget in (budgets if thinks else (None,))]
    return places


def _require_within(option: str, numbers: Sequence[int], most: int) -> None:
    wrong = [number for number in numbers if not 1 <= number <= most]
    if wrong:
        raise ProfileInputError(f"{option} must be whole numbers from 1 to {most}, got {wrong[0]}")


FOLDER = "cells"


def identity(grid: Grid, place: Place, weights: str, slices: list[str]) -> dict[str, object]:
    """Everything that decides a cell's figures."""
    verifier = {} if grid.verifier is None else {"verifier": grid.verifier.digest}
    draft = grid.strategy(place).draft_model
    problems = [(one.question, one.expected, one.notation, one.rule) for one in grid.problems]
    return {
        "schema": "rooflink.cell/1",  # of these settings: the cell itself is migrated on reading
        "weights": weights,
        "dtype": grid.subject.dtype,
        **({"kv_dtype": kv} if (kv := grid.subject.config.widths.kv) else {}),
        "problems": blake2b(repr(problems).encode(), digest_size=8).hexdigest(),
        "strategy": place.strategy,
        "budget": place.budget,
        "answer_budget": grid.answer_budget,
        "attempts": list(grid.ks),
        "batch": grid.batch,
        "widest": grid.widest,
        "longest_thought": grid.longest_thought,
        "limit": grid.limit.name if grid.limit else None,
        "slices": slices,
        "terms": repr(grid.terms),
        "seed": grid.seed,
        **verifier,
        **({"draft": digest_of(grid.drafts[draft])} if draft else {}),
    }


def path_of(folder: Path, place: Place, settings: Mapping[str, object]) -> Path:
    """Where the cell with these settings lies."""
    digest = blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
    words = re.sub(r"[^a-z0-9.]+", "-", f"{place.strategy} {place.budget or ''}".lower()).strip("-")
    return folder / FOLDER / f"{words[:60]}-{digest}.json"


def load_cell(path: Path) -> Cell | None:
    """The finished cell at `path`; None where there is none that can be read: it is run again."""
    try:
        return load_record(Cell, path)
    except ProfileInputError:
        return None


def save_cell(path: Path, cell: Cell) -> None:
    """Write the cell whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, cell.model_dump_json() + "\n")
