"""evaluate(): every cell of a grid, run once and kept, and what follows from all of them."""

from collections.abc import Sequence
from pathlib import Path

from ...model.tasks.notation import speaks_notation
from ...model.tasks.sums import GAPS_DISCLOSURE, SumTask
from ...model.training.start import digest_of
from ...model.transformer import Transformer
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..forecast import Asked, require_forecast, slice_for
from ..predict.described import NamedShape
from ..predict.phases import Lengths
from ..predict.shape import shape_of
from ..provenance import provenance
from ..record.evaluation import Cell, Evaluation
from ..subject import run_bytes
from ..verifiers import verifier_said
from ..watcher import Silent, Watcher
from .asking import ask
from .cells import identity, load_cell, path_of, save_cell
from .frontier import frontiers
from .grid import Grid
from .limits import limit_of
from .optimal import compute_optimal
from .options import options_of
from .run_cell import Runner

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
        limit_of(grid.limit, {}, None)
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
    asked = Asked(
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
        require_forecast(asked, over)
    for chip in grid.chips:
        smallest = slice_for(asked, chip)
        if smallest is None:
            raise ProfileInputError(
                f"no slice of {chip.name} that its links join holds this run: lower --batch or "
                "--attempts, or name a --slice"
            )
        found.append(smallest)
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
