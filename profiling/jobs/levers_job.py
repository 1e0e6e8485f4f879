"""LeversJob: what every lever of a model does to its answers, measured on the same problems."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from ..backend import choose_backend
from ..errors import Watcher
from ..names import chip_named, slices_named
from ..records.lever_study import LeverStudy
from .cost_terms import TermsOptions
from .evaluate_job import CHIP
from .job import LARGEST_SEED, MOST_PROBLEMS, Names, RunDType, WordList, WrittenJob, option

if TYPE_CHECKING:
    from ..evaluation.lever_grid import LeverGrid

LIMIT = 300


class LeversJob(TermsOptions, WrittenJob):
    """Measure what each lever of a model does to its answers, and what it costs.

    A lever is a change of the model (dtypes, pruning, fewer layers or heads, a window) or of its
    use (shorter thoughts, drafts). Each is run, on the same problems with the same seed; its
    answers are compared with the unchanged model's, problem by problem. Costs are counted, and
    predicted on described chips. `rooflink codesign --evidence` reads what it writes. A run that
    was stopped goes on where it was.
    """

    record: ClassVar = "levers"

    model: str = option(
        "reasoner",
        "'reasoner', 'smollm2-135m', a .gguf file, a Hugging Face folder or hub id.",
        argument="MODEL",
    )
    task: str = option("chain:k=8", "A task of `rooflink eval`: chain:k=8, gsm8k:FILE ...")
    levers: WordList = option(
        (), "Levers, listed below  [default: all that the model has]", commas=True
    )
    limit: int = option(LIMIT, "Take this many problems.", ge=1, le=MOST_PROBLEMS)
    think_budget: int = option(16, "Most tokens of a thought.", ge=1, le=10**8)
    answer_budget: int = option(16, "Most tokens of an answer.", ge=1)
    batch: int | None = option(None, "Questions that run together  [default: what fits]", ge=1)
    chips: Names = option(
        (),
        f"Chip whose smallest slice that holds the run is predicted  [default: {CHIP}]",
        "--chip",
    )
    slices: Names = option((), "Slices such as v5e-8 or h100-2; may be repeated.", "--slice")
    dtype: RunDType | None = option(
        None, "Of the unchanged model  [default: float32 to run on a CPU, else bfloat16]"
    )
    seed: int = option(0, "Of the problems.", ge=0, le=LARGEST_SEED)

    def kept(self) -> str:
        """The levers that are finished."""
        there = self.out.glob("measured/*/cells/*.json") if self.out else ()
        finished = len({cell.parent.parent for cell in there})
        if not finished:
            return "nothing was written"
        return f"{finished} finished levers are in {self.out}; give the same command to go on"

    def default_out(self) -> Path:
        name = f"levers-{self.model}-{self.task}-{self.seed}"
        return self.folder_by_options(name, ("model", "task", "seed"))

    def run(self, watcher: Watcher, command: str = "python") -> LeverStudy:
        """Run what the folder lacks. Raises ModelInputError, ChipInputError, ProfileInputError."""
        from ..evaluation.lever_grid import measure_levers

        choose_backend()
        name = self.out.name if self.out else self.default_out().name
        grid = self.grid()
        with self._folder() as folder:
            return measure_levers(grid, Path(folder) / "measured", name, command, watcher)

    def grid(self) -> "LeverGrid":
        """The unchanged model's evaluation and the levers."""
        from ...model.tasks import parse_task
        from ..evaluation.grid import Grid, places_of
        from ..evaluation.lever_grid import GREEDY, LEVERS, LeverGrid, parsed
        from ..model_spec import resolve_subject

        for lever in self.levers:
            parsed(lever)
        slices, task = slices_named(self.slices), parse_task(self.task)
        chips = [chip_named(name) for name in self._chips()]
        base = Grid(
            subject=resolve_subject(self.model, "own", self.dtype),
            task=task,
            problems=task.problems("test", self.limit, self.seed),
            places=places_of([GREEDY], [self.think_budget], ()),
            answer_budget=self.answer_budget,
            batch=self.batch,
            slices=slices,
            chips=chips,
            terms=self.terms(),
            seed=self.seed,
        )
        # All levers run in batches of the base's size, which a thought's length would change.
        longest = max(len(problem.question) for problem in base.problems)
        together = base.batch or base.questions_together(longest)
        base = replace(base, batch=together)
        return LeverGrid(base, self.levers or LEVERS, must_apply=bool(self.levers))

    def _chips(self) -> Sequence[str]:
        return self.chips or (() if self.slices else (CHIP,))

    def _folder(self) -> AbstractContextManager[str | Path]:
        """Where finished levers are kept."""
        return nullcontext(self.out) if self.out else TemporaryDirectory(prefix="rooflink-levers-")
