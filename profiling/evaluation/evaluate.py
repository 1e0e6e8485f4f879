"""evaluate(): every cell of a grid (a strategy at a budget over all problems, and its costs), run
once and kept, and what follows from all of them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...model.architecture import ModelShape, shape_of
from ...model.generation.attempt import Answered
from ...model.generation.engine import Engine, Questions
from ...model.generation.pass_log import REASONER, PassLog
from ...model.strategies.base import draft_configs
from ...model.strategies.registry import parse_strategy
from ...model.tasks import Problem
from ...model.tasks.modular import GAPS_DISCLOSURE, SumTask
from ...model.tasks.task import speaks_notation
from ...model.transformer import Transformer
from ...model.weights.checkpoint import digest_of
from ...tpu_configs.slice import Slice
from ..backend import provenance
from ..counted.phase_costs import first_attempts, logs_of, phases_of
from ..counted.unit_costs import Costed, UnitCosts, costed
from ..errors import ProfileInputError, Silent, Watcher
from ..measured.run import WarmClock
from ..model_spec import dtypes_of, run_bytes
from ..predicted.model_shape import NamedShape
from ..predicted.passes import OnSlice, lengths_made
from ..predicted.phase_lengths import Lengths
from ..predicted.query import PredictionRequest
from ..predicted.slices import fitting_query, query_of, smallest_query
from ..records import Phase
from ..records.evaluation import (
    AttemptsPoint,
    Cell,
    Evaluation,
    Ledger,
    QuestionResult,
    SharedPrompt,
    TriedAnswer,
)
from ..strategy_request import verifier_said, verifiers_on
from ..workload import PromptedProblems, prompted
from .accuracy import accuracy_points, by_level, estimate, frontiers, options_of, slice_cost, usable
from .budgets import limit_of, no_slice
from .compute_optimal import compute_optimal
from .grid import Grid, Place, identity, load_cell, path_of, save_cell
from .ledger import ledgers

WORDS = 60
MOST_ROUNDS = 50
"""Of timing: enough for a quarter of a second of the shortest batches."""

NO_COST = Ledger(entries=[], saved=SharedPrompt(tokens=0, flops=0, hbm_bytes=0))


@dataclass(frozen=True)
class Runner:
    """A grid with its model loaded and its slices known."""

    grid: Grid
    model: Transformer
    slices: Sequence[Slice]  # the first is the ledgers'

    def run(self, place: Place, clock: WarmClock, watcher: Watcher) -> Cell:
        """The cell at `place`, the same for the same seed; `clock` hears of its batches."""
        answered, asked = list[Answered](), self._asked(place)
        watcher.stage(place.words, len(asked.prompts), "questions")
        for chunk in clock.timed(self._batches(place)):
            answered += chunk
            watcher.advance(len(chunk))
        return self._cell(place, answered, asked.prompts)

    def time(self, clocks: Mapping[Place, WarmClock], watcher: Watcher) -> None:
        """Run batches again until each clock has heard enough of its place's: of all places in
        turns, so that what else this machine does meanwhile slows all of them alike."""
        watcher.stage("Timing every strategy again", MOST_ROUNDS, "rounds")
        running = {place: clock.timed(self._again(place)) for place, clock in clocks.items()}
        for _ in range(MOST_ROUNDS):
            wanting = [place for place, clock in clocks.items() if not clock.enough]
            if not wanting:
                return
            for place in wanting:
                next(running[place])
            watcher.advance(1)

    def _again(self, place: Place) -> Iterator[list[Answered]]:
        while True:
            yield from self._batches(place)

    def _batches(self, place: Place) -> Iterator[list[Answered]]:
        """The questions' answers by a new strategy, in batches."""
        asked = self._asked(place)
        engine, prompts, batch = self._engine(asked), asked.prompts, self._batch(asked.prompts)
        strategy = parse_strategy(place.strategy, verifiers_on(self.grid.verifier, self.model))
        for first in range(0, len(prompts), batch):
            chunk = prompts[first : first + batch]
            yield strategy.run(engine, Questions(chunk, range(first, first + len(chunk))))

    def _batch(self, prompts: list[list[int]]) -> int:
        return self.grid.questions_together(max(map(len, prompts)))

    def _asked(self, place: Place) -> PromptedProblems:
        grid, tokenizer = self.grid, self.grid.subject.tokenizer
        assert tokenizer is not None  # `evaluate` has asked for one
        return prompted(tokenizer, grid.problems, place.budget or 1, grid.answer_budget)

    def _engine(self, asked: PromptedProblems) -> Engine:
        """With a limit that nothing has been spent of."""
        grid, prompts, limit = self.grid, asked.prompts, None
        slots = max(map(len, prompts))
        if grid.limit:
            on_slices = self._on_slices(budget_lengths(grid, slots, len(prompts)))
            limit = limit_of(grid.limit, self._units, on_slices[0] if on_slices else None)
        # The record has each attempt's mean log-probability, so figures are wanted.
        return Engine(
            self.model, asked.answer_format, grid.seed, slots, limit, figures=True,
            drafts=grid.drafts,
        )  # fmt: skip

    @cached_property
    def _costed(self) -> Costed:
        grid = self.grid
        strategies = [grid.strategy(place) for place in grid.places]
        drafts = draft_configs(strategies, grid.subject.config, grid.drafts)
        return costed(grid.subject.config, grid.subject.dtype, grid.verifier, drafts)

    @property
    def _units(self) -> Mapping[str, UnitCosts]:
        return self._costed.units

    def _cell(
        self,
        place: Place,
        answered: list[Answered],
        prompts: list[list[int]],
    ) -> Cell:
        logs = logs_of(answered)
        n, batch = len(answered), self._batch(prompts)
        on_slices = self._on_slices(lengths_made(answered, prompts, math.ceil(n / batch)))
        predictions = [on_slice.prediction(logs, n) for on_slice in on_slices]
        first = (on_slices[0], predictions[0]) if on_slices else (None, None)
        costs = ledgers(logs, self._units, *first)
        results = [
            _result(problem, one, NO_COST if one.cached else costs[one.question])
            for problem, one in zip(self.grid.problems, answered, strict=True)
        ]
        correct = sum(result.right for result in results)
        return Cell(
            strategy=place.strategy,
            budget=place.budget,
            accuracy=estimate([float(result.right) for result in results]),
            by_level=by_level(results),
            questions=results,
            phases=phases_of(logs, self._units),
            slices=[slice_cost(prediction, n, correct / n, n) for prediction in predictions],
            attempts=self._points(place, results, logs, on_slices),
        )

    def _on_slices(self, lengths: Lengths) -> list[OnSlice]:
        """The slices with queries of these lengths."""
        shapes = self._costed.shapes
        request = request_of(self.grid, shapes[REASONER], lengths)
        return [OnSlice(query_of(request, on_slice), shapes) for on_slice in self.slices]

    def _points(
        self,
        place: Place,
        results: list[QuestionResult],
        logs: list[PassLog],
        on_slices: list[OnSlice],
    ) -> list[AttemptsPoint]:
        if not self.grid.strategy(place).independent:
            return []
        n = len(results)
        points = []
        for point in accuracy_points(results, usable(self.grid.ks, results)):
            narrow = first_attempts(logs, point.k)
            phases = phases_of(narrow, self._units)
            costs = [
                slice_cost(on_slice.prediction(narrow, n), n, point.coverage.value, n)
                for on_slice in on_slices
            ]
            points.append(point.model_copy(update={**per_query(phases, n), "slices": costs}))
        return points


def per_query(phases: Sequence[Phase], questions: int) -> dict[str, float]:
    """Positions read, FLOPs and HBM bytes of one of so many questions."""
    return {
        "tokens": sum(phase.tokens for phase in phases) / questions,
        "flops": sum(phase.counted.flops for phase in phases) / questions,
        "hbm_bytes": sum(phase.counted.hbm_bytes.total for phase in phases) / questions,
    }


def _result(problem: Problem, answered: Answered, ledger: Ledger) -> QuestionResult:
    tried = [
        TriedAnswer(
            answer=attempt.extracted,
            right=bool(problem.check(attempt.text, attempt.after_cue)),
            score=math.exp(attempt.mean_logprob) if attempt.score is None else attempt.score,
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


def budget_lengths(grid: Grid, longest_prompt: int, batch: int) -> Lengths:
    """Lengths where nothing has run yet: the budgets of the widest and longest cell."""
    return Lengths(
        prompts=float(batch),
        attempts=float(grid.widest),
        prompt_tokens=float(longest_prompt),
        think_tokens=float(grid.longest_thought),
        answer_tokens=float(grid.answer_budget),
    )


def request_of(grid: Grid, shape: ModelShape, lengths: Lengths) -> PredictionRequest:
    """A prediction of the grid's model for queries of these lengths."""
    return PredictionRequest(
        model=NamedShape(grid.subject.config.name, shape),
        lengths=lengths,
        **dtypes_of(grid.subject),
        terms=grid.terms,
    )


COUNTED_NOTE = (
    "FLOPs, bytes and tokens are counted from the passes that were made, each question with its "
    "share of what its batch shares; time, energy and money on a slice are predicted."
)
TIME_NOTE = (
    "Time here is this machine's, of batches that ran again once their programs had been traced "
    "and compiled: the median over batches, each batch's time over its questions."
)


def evaluate(
    grid: Grid,
    folder: Path,
    name: str = "evaluation",
    command: str = "python",
    watcher: Watcher | None = None,
) -> Evaluation:
    """Run the cells that `folder` does not hold already, and put all of them together.

    A run that was killed goes on where it was, and ends with the same figures.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the user can mend, before
    anything runs.
    """
    listener = watcher or Silent()
    tokenizer = grid.subject.tokenizer
    if tokenizer is None:
        raise ProfileInputError("evaluation needs a model with weights and a tokenizer of its own")
    prompts = prompted(tokenizer, grid.problems, grid.longest_thought, grid.answer_budget).prompts
    longest = max(map(len, prompts))
    batch = grid.questions_together(longest)
    slices = _slices(grid, longest, batch)
    if grid.limit is not None and grid.limit.needs_slice and not slices:
        raise no_slice(grid.limit)
    listener.stage(f"Loading {grid.subject.config.name}")
    slots = grid.longest_thought + grid.answer_budget
    scratch = run_bytes(grid.subject.config, grid.subject.dtype, batch, grid.widest, longest, slots)
    model = grid.subject.load(grid.seed, scratch)
    weights = digest_of(model)
    described = [_described(on_slice) for on_slice in slices]
    paths = {
        place: path_of(folder, place, identity(grid, place, weights, described))
        for place in grid.places
    }
    cells = _cells(Runner(grid, model, slices), paths, listener)
    options = options_of(cells)
    levels = [problem.level for problem in grid.problems]
    names = [on_slice.name for on_slice in slices]
    return Evaluation(
        name=name,
        provenance=provenance(command, grid.seed, ran=True),
        model=grid.subject.config.name,
        parameters=grid.subject.config.parameters,
        dtype=grid.subject.dtype,
        weight_dtype=grid.subject.config.widths.weights,
        weight_group=grid.subject.config.widths.group,
        kv_dtype=grid.subject.config.widths.kv,
        task=grid.task.name,
        problems=len(grid.problems),
        guess_rate=grid.task.guess_rate,
        batch=batch,
        limit=grid.limit.name if grid.limit else None,
        ledger_slice=names[0] if names else None,
        cells=cells,
        frontiers=frontiers(options, names),
        optimal=compute_optimal(options, levels),
        notes=_notes(grid, model, cells),
    )


def _cells(runner: Runner, paths: Mapping[Place, Path], watcher: Watcher) -> list[Cell]:
    """The cells in the grid's order: those that lie at `paths`, and the others, run and timed."""
    cells, clocks = dict[Place, Cell](), dict[Place, WarmClock]()
    for place, path in paths.items():
        clock, there = WarmClock(), load_cell(path)
        cells[place] = there or runner.run(place, clock, watcher)
        if there is None:
            save_cell(path, cells[place])
        if cells[place].time_per_question_s is None:
            clocks[place] = clock
    runner.time(clocks, watcher)
    for place, clock in clocks.items():
        timed = {"time_per_question_s": clock.spread, "timed_questions": clock.questions}
        cells[place] = cells[place].model_copy(update=timed)
        save_cell(paths[place], cells[place])
    return [cells[place] for place in runner.grid.places]


def _slices(grid: Grid, longest_prompt: int, batch: int) -> list[Slice]:
    """The named slices and each chip's smallest, all of which hold the budgets."""
    lengths = budget_lengths(grid, longest_prompt, batch)
    request = request_of(grid, shape_of(grid.subject.config), lengths)
    slices = list(grid.slices)
    for on_slice in slices:
        fitting_query(request, on_slice)
    for chip in grid.chips:
        smallest = smallest_query(request, chip)
        if smallest is None:
            raise ProfileInputError(
                f"no slice of {chip.name} that its links join holds this run: lower --batch or "
                "--attempts, or name a --slice"
            )
        slices.append(smallest.slice)
    return list({on_slice.name: on_slice for on_slice in slices}.values())


def _described(on_slice: Slice) -> str:
    """A slice with its chip's figures; of this machine, whose are measured anew, its name."""
    measured = on_slice.chip.name.startswith("this ")
    return on_slice.name if measured else f"{on_slice.name} {on_slice.chip.model_dump_json()}"


def _notes(grid: Grid, model: Transformer, cells: Sequence[Cell]) -> list[str]:
    tokenizer = grid.subject.tokenizer
    rules = dict.fromkeys(problem.rule for problem in grid.problems)
    notes = [*rules, COUNTED_NOTE, TIME_NOTE]
    if isinstance(grid.task, SumTask) and tokenizer and speaks_notation(tokenizer):
        notes.insert(0, GAPS_DISCLOSURE)
    if (stored := grid.subject.storage_note) is not None:
        notes.insert(0, stored)
    if grid.verifier is not None:
        notes.append(verifier_said(grid.verifier, model))
    hit = {question.limit for cell in cells for question in cell.questions if question.limit}
    if hit:
        notes.append(f"Some questions hit a limit: {', '.join(sorted(hit))}.")
    return notes
