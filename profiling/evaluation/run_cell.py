"""Running one cell: a strategy at a budget over all problems, and its costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...model.reasoning import Answered, Engine, PassLog, Questions, parse_strategy
from ...model.tasks import Problem
from ...model.transformer import Transformer
from ...tpu_configs.slice import Slice
from ..counted.phases import logs_of, phases_of
from ..counted.records import first_attempts
from ..counted.unit import UnitCosts
from ..forecast import Asked, query_of
from ..predict.described import NamedShape
from ..predict.phases import Lengths
from ..record import Phase
from ..record.evaluation import (
    AttemptsPoint,
    Cell,
    Ledger,
    QuestionResult,
    SharedPrompt,
    TriedAnswer,
)
from ..verifiers import REASONER, Costed, costed, verifiers_on, verifiers_with
from ..watcher import Watcher
from .asking import ask
from .clock import Clocked, clocked
from .estimates import estimate
from .grid import Grid, Place, gives_points
from .ledger import ledgers
from .limits import limit_of
from .points import accuracy_points, by_level, usable, with_costs
from .slice_costs import slice_cost
from .slices import OnSlice, lengths_made

WORDS = 60
NO_COST = Ledger(entries=[], saved=SharedPrompt(tokens=0, flops=0, hbm_bytes=0))


@dataclass(frozen=True)
class Runner:
    """A grid with its model loaded and its slices known."""

    grid: Grid
    model: Transformer
    slices: Sequence[Slice]  # the first is the ledgers'

    def run(self, place: Place, watcher: Watcher) -> Cell:
        """The cell at `place`, the same for the same seed but for its time on this machine."""
        grid = self.grid
        engine, prompts = self._engine(place)
        batch = grid.questions_together(max(map(len, prompts)))
        strategy = parse_strategy(place.strategy, verifiers_on(grid.verifier, self.model))
        watcher.stage(f"{place.strategy} @{place.budget}", len(prompts), "questions")
        answered: list[Answered] = []
        with clocked() as clock:
            for first in range(0, len(prompts), batch):
                chunk = prompts[first : first + batch]
                numbers = range(first, first + len(chunk))
                answered += strategy.run(engine, Questions(chunk, numbers))
                watcher.advance(len(chunk))
        return self._cell(place, answered, prompts, batch, clock)

    def _engine(self, place: Place) -> tuple[Engine, list[list[int]]]:
        grid, tokenizer = self.grid, self.grid.subject.tokenizer
        assert tokenizer is not None  # `evaluate` has asked for one
        asked = ask(tokenizer, grid.problems, place.budget or 1, grid.answer_budget)
        on = self._on_slices([], asked.prompts, len(asked.prompts))[:1] if grid.limit else []
        limit = limit_of(grid.limit, self._units, on[0] if on else None) if grid.limit else None
        slots = max(map(len, asked.prompts))
        return Engine(self.model, asked.wording, grid.seed, slots, limit), asked.prompts

    @cached_property
    def _costed(self) -> Costed:
        return costed(self.grid.subject, self.grid.verifier)

    @property
    def _units(self) -> Mapping[str, UnitCosts]:
        return self._costed.units

    def _cell(
        self,
        place: Place,
        answered: list[Answered],
        prompts: list[list[int]],
        batch: int,
        clock: Clocked,
    ) -> Cell:
        logs = logs_of(answered)
        n = len(answered)
        over = self._on_slices(answered, prompts, batch)
        predictions = [on.prediction(logs, n) for on in over]
        first = (over[0], predictions[0]) if over else (None, None)
        costs = ledgers(logs, self._units, *first)
        results = [
            _result(problem, each, NO_COST if each.cached else costs[each.question])
            for problem, each in zip(self.grid.problems, answered, strict=True)
        ]
        correct = sum(result.right for result in results)
        return Cell(
            strategy=place.strategy,
            budget=place.budget,
            accuracy=estimate([float(result.right) for result in results]),
            by_level=by_level(results),
            questions=results,
            phases=phases_of(logs, self._units),
            wall_s=clock.wall_s,
            compile_s=clock.compile_s,
            slices=[slice_cost(prediction, n, correct / n, n) for prediction in predictions],
            attempts=self._points(place, results, logs, over),
        )

    def _on_slices(
        self, answered: Sequence[Answered], prompts: list[list[int]], batch: int
    ) -> list[OnSlice]:
        """The slices, with the lengths of these answers, or the budgets where there are none."""
        subject, grid = self.grid.subject, self.grid
        shapes = self._costed.shapes
        asked = Asked(
            model=NamedShape(subject.config.name, shapes[REASONER]),
            lengths=_lengths(grid, answered, prompts, batch),
            weight_dtype=subject.dtype,
            terms=grid.terms,
        )
        return [OnSlice(query_of(asked, each), shapes, grid.terms) for each in self.slices]

    def _points(
        self,
        place: Place,
        results: list[QuestionResult],
        logs: list[PassLog],
        over: list[OnSlice],
    ) -> list[AttemptsPoint]:
        if not gives_points(place.strategy, verifiers_with(self.grid.verifier)):
            return []
        n = len(results)
        points = []
        for point in accuracy_points(results, usable(self.grid.ks, results)):
            narrow = first_attempts(logs, point.k)
            phases = phases_of(narrow, self._units)
            costs = [
                slice_cost(on.prediction(narrow, n), n, point.coverage.value, n) for on in over
            ]
            points.append(with_costs(point, *_per_query(phases, n), costs))
        return points


def _per_query(phases: Sequence[Phase], questions: int) -> tuple[float, float, float]:
    """Tokens, FLOPs and HBM bytes."""
    return (
        sum(phase.tokens for phase in phases) / questions,
        sum(phase.counted.flops for phase in phases) / questions,
        sum(phase.counted.hbm_bytes.total for phase in phases) / questions,
    )


def _result(problem: Problem, answered: Answered, ledger: Ledger) -> QuestionResult:
    tried = [
        TriedAnswer(
            answer=attempt.extracted,
            right=bool(problem.check(attempt.text)),
            score=_score(attempt.score, attempt.mean_logprob),
        )
        for attempt in answered.attempts
    ]
    return QuestionResult(
        problem=(problem.notation or problem.question)[:WORDS],
        level=problem.level,
        answer=answered.answer,
        right=tried[answered.chosen].right if answered.answer is not None else False,
        tried=tried,
        ledger=ledger,
        limit=answered.limit,
    )


def _score(verifier: float | None, mean_logprob: float) -> float:
    """The verifier's, else the geometric mean of the probabilities of the attempt's tokens."""
    return verifier if verifier is not None else math.exp(mean_logprob)


def _lengths(
    grid: Grid, answered: Sequence[Answered], prompts: Sequence[Sequence[int]], batch: int
) -> Lengths:
    if not answered:
        return Lengths(
            prompts=float(batch),
            attempts=float(grid.widest),
            prompt_tokens=float(max(map(len, prompts))),
            think_tokens=float(grid.longest_thought),
            answer_tokens=float(grid.answer_budget),
        )
    return lengths_made(answered, prompts, math.ceil(len(prompts) / batch))
