"""evaluate(): every cell of a grid, run once and kept, and what follows from all of them.

Running one cell: a strategy at a budget over all problems, and its costs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...model.architecture import shape_of
from ...model.generation.attempt import Answered
from ...model.generation.engine import Engine, Questions
from ...model.generation.pass_log import REASONER, PassLog
from ...model.strategies.registry import parse_strategy
from ...model.tasks import Problem
from ...model.tasks.notation import speaks_notation
from ...model.tasks.sums import GAPS_DISCLOSURE, SumTask
from ...model.transformer import Transformer
from ...model.weights.checkpoint import digest_of
from ...tpu_configs.slice import Slice
from ..counted.phase_costs import first_attempts, logs_of, phases_of
from ..counted.unit_costs import UnitCosts
from ..errors import ProfileInputError
from ..measured.clock import Clocked, clocked
from ..model_spec import run_bytes
from ..predicted.model_shape import NamedShape
from ..predicted.passes import OnSlice, lengths_made
from ..predicted.phases import Lengths
from ..predicted.slices import PredictionRequest, fitting_query, query_of, smallest_query
from ..progress import Silent, Watcher
from ..prompting import ask
from ..provenance import provenance
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
from ..verifier_costs import Costed, costed, verifier_said, verifiers_on
from .accuracy import (
    accuracy_points,
    by_level,
    estimate,
    frontiers,
    options_of,
    slice_cost,
    usable,
    with_costs,
)
from .budgets import limit_of, no_slice
from .compute_optimal import compute_optimal
from .grid import Grid, Place, identity, load_cell, path_of, save_cell
from .ledger import ledgers

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
        at = "" if place.budget is None else f" @{place.budget}"
        watcher.stage(f"{place.strategy}{at}", len(prompts), "questions")
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
        engine = Engine(
            self.model, asked.answer_format, grid.seed, slots, limit, figures=True
        )  # the record has each attempt's mean log-probability
        return engine, asked.prompts

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
        request = PredictionRequest(
            model=NamedShape(subject.config.name, shapes[REASONER]),
            lengths=_lengths(grid, answered, prompts, batch),
            weight_dtype=subject.dtype,
            terms=grid.terms,
        )
        return [OnSlice(query_of(request, each), shapes) for each in self.slices]

    def _points(
        self,
        place: Place,
        results: list[QuestionResult],
        logs: list[PassLog],
        over: list[OnSlice],
    ) -> list[AttemptsPoint]:
        if not self.grid.strategy(place).independent:
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


COUNTED_NOTE = (
    "FLOPs, bytes and tokens are counted from the passes that were made, each question with its "
    "share of what its batch shares; time, energy and money on a slice are predicted."
)
TIME_NOTE = "Time here is this machine's, compiling left out, one batch after another."


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
    prompts = ask(tokenizer, grid.problems, grid.longest_thought, grid.answer_budget).prompts
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
    runner = Runner(grid, model, slices)
    cells = []
    for place in grid.places:
        settings = identity(grid, place, weights, [_chip_said(each) for each in slices])
        path = path_of(folder, place, settings)
        cell = load_cell(path)
        if cell is None:
            cell = runner.run(place, listener)
            save_cell(path, cell)
        cells.append(cell)
    options = options_of(cells)
    levels = [problem.level for problem in grid.problems]
    names = [each.name for each in slices]
    return Evaluation(
        name=name,
        provenance=provenance(command, grid.seed, ran=True),
        model=grid.subject.config.name,
        parameters=grid.subject.config.parameters,
        dtype=grid.subject.dtype,
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


def _slices(grid: Grid, longest_prompt: int, batch: int) -> list[Slice]:
    """The slices asked for and each chip's smallest, all of which hold the budgets."""
    request = PredictionRequest(
        model=NamedShape(grid.subject.config.name, shape_of(grid.subject.config)),
        lengths=Lengths(
            prompts=float(batch),
            attempts=float(grid.widest),
            prompt_tokens=float(longest_prompt),
            think_tokens=float(grid.longest_thought),
            answer_tokens=float(grid.answer_budget),
        ),
        weight_dtype=grid.subject.dtype,
        terms=grid.terms,
    )
    found = list(grid.slices)
    for over in found:
        fitting_query(request, over)
    for chip in grid.chips:
        smallest = smallest_query(request, chip)
        if smallest is None:
            raise ProfileInputError(
                f"no slice of {chip.name} that its links join holds this run: lower --batch or "
                "--attempts, or name a --slice"
            )
        found.append(smallest.slice)
    return list({over.name: over for over in found}.values())


def _chip_said(over: Slice) -> str:
    """A slice with its chip's figures; of this machine, whose are measured anew, its name."""
    measured = over.chip.name.startswith("this ")
    return over.name if measured else f"{over.name} {over.chip.model_dump_json()}"


def _notes(grid: Grid, model: Transformer, cells: Sequence[Cell]) -> list[str]:
    tokenizer = grid.subject.tokenizer
    found = [COUNTED_NOTE, TIME_NOTE]
    if isinstance(grid.task, SumTask) and tokenizer and speaks_notation(tokenizer):
        found.insert(0, GAPS_DISCLOSURE)
    if grid.verifier is not None:
        found.append(verifier_said(grid.verifier, model))
    hit = {question.limit for cell in cells for question in cell.questions if question.limit}
    if hit:
        found.append(f"Some questions hit a limit: {', '.join(sorted(hit))}.")
    return found
