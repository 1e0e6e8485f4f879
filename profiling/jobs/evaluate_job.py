"""EvaluateJob: what strategies get right on a task, and what each answer costs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from ..backend import choose_backend
from ..errors import Watcher
from ..names import chip_named, slices_named
from ..records.evaluation import Evaluation
from .cost_terms import TermsOptions
from .job import (
    LARGEST_SEED,
    MOST_PROBLEMS,
    Names,
    Option,
    Paths,
    RunDType,
    WholeNumbers,
    WidthOptions,
    WrittenJob,
    option,
)

if TYPE_CHECKING:
    from ..evaluation.grid import Grid
    from ..evaluation.logged import LogRequest

CHIP = "v5e"
LOG_BATCH = 8


def split_strategies(text: str) -> list[str]:
    """'greedy,sample:n=4,temperature=1' as ['greedy', 'sample:n=4,temperature=1']: a part that is
    a setting belongs to the strategy before it."""
    found: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        setting = "=" in part and ":" not in part
        if setting and found:
            found[-1] += f",{part}" if ":" in found[-1] else f":{part}"
        else:
            found.append(part)
    return found


def _split(value: object) -> object:
    return split_strategies(value) if isinstance(value, str) else value


class EvaluateJob(WidthOptions, TermsOptions, WrittenJob):
    """Evaluate strategies on a task: accuracy, pass@k, and what each correct answer costs.

    Each strategy runs at each budget of thought. Costs are counted for every question, and
    predicted on described chips. A run that was stopped goes on where it was.
    """

    record: ClassVar = "evaluation"
    renamed: ClassVar = {"budgets": "think_budget", "folder": "out"}

    model: str = option(
        "reasoner",
        "'reasoner', 'smollm2-135m', a .gguf file, a Hugging Face folder or hub id; for a log "
        "what `rooflink predict` takes.",
    )
    task: str = option(
        "chain:k=2-12",
        "chain:k=8, chain:k=2-12, sum:n=8, countdown:n=3, gsm8k:FILE, svamp:FILE, bundled.",
    )
    strategies: Annotated[
        tuple[str, ...],
        BeforeValidator(_split),
        Option("Separated by commas, listed above.", commas=True),
    ] = ("direct", "greedy", "self-consistency:n=8")
    think_budget: WholeNumbers = option(
        (4, 8, 16),
        "Most tokens of a thought; each strategy runs at each of them.",
        commas=True,
        metavar="N,N",
    )
    attempts: WholeNumbers = option(
        (),
        "Values of k for pass@k and majority@k; the largest k samples are drawn.",
        commas=True,
        metavar="K,K",
    )
    limit: int | None = option(None, "Take this many problems.", ge=1, le=MOST_PROBLEMS)
    budget: str | None = option(
        None,
        "Limit of one question: tokens=64, flops=1e9, joules=0.1, usd=1e-7 or seconds=0.01, "
        "the last three on the first slice.",
    )
    verifier: Path | None = option(
        None, "Folder of `train --method verifier`: best-of-n and beam score attempts by it."
    )
    answer_budget: int = option(16, "Most tokens of an answer.", ge=1)
    batch: int | None = option(None, "Questions that run together  [default: what fits]", ge=1)
    attempts_log: Paths = option(
        (), "Attempts of another model, a JSON object a line, or a published log; may be repeated."
    )
    chips: Names = option(
        (),
        f"Chip whose smallest slice that holds the run is predicted  [default: {CHIP}]",
        "--chip",
    )
    slices: Names = option((), "Slices such as v5e-8 or h100-2; may be repeated.", "--slice")
    dtype: RunDType | None = option(None, "[default: float32 to run on a CPU, else bfloat16]")
    seed: int = option(0, "Of problems and sampling.", ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _of_a_log(self) -> Self:
        """A log's attempts were made: how they would be made here does not apply."""
        if self.attempts_log:
            self.refuse(
                ("task", "strategies", "think_budget", "limit", "budget", "verifier",
                 "answer_budget", "dtype", "weight_dtype", "weight_group", "kv_dtype", "seed"),
                "cannot be given with --attempts-log, whose attempts are made: leave one of the "
                "two out",
            )  # fmt: skip
        return self

    def kept(self) -> str:
        """The cells that are finished."""
        cells = len(list((self.out / "cells").glob("*.json"))) if self.out else 0
        if not cells:
            return "nothing was written"
        return f"{cells} finished cells are in {self.out}; give the same command again to go on"

    def default_out(self) -> Path:
        what = "-".join(log.stem for log in self.attempts_log) or self.task
        name = f"eval-{self.model}-{what}-{self.seed}"
        return self.folder_by_options(name, ("model", "task", "seed"))

    def run(self, watcher: Watcher, command: str = "python") -> Evaluation:
        """Run the cells that the folder lacks, and put all together; a log's attempts are costed.

        Raises ModelInputError, ChipInputError or ProfileInputError."""
        choose_backend()
        name = self.out.name if self.out else self.default_out().name
        if self.attempts_log:
            from ..evaluation.logged import evaluate_log

            watcher.stage("Costing logged attempts")
            return evaluate_log(self.log_request(), name, command)
        from ..evaluation.evaluate import evaluate

        grid = self.grid()
        with self._folder() as folder:
            return evaluate(grid, Path(folder), name, command, watcher)

    def grid(self) -> "Grid":
        """All cells, with everything that has a name as what it names."""
        from ...model.tasks import parse_task
        from ..evaluation.budgets import parse_budget
        from ..evaluation.grid import Grid, places_of
        from ..model_spec import resolve_subject
        from ..strategy_request import open_drafts, verifier_of

        limit = parse_budget(self.budget) if self.budget else None
        terms, slices = self.terms(), slices_named(self.slices)
        chips = [chip_named(name) for name in self._chips()]
        task = parse_task(self.task)
        subject = resolve_subject(self.model, "own", self.dtype, self.widths)
        trained = verifier_of(self.verifier, subject)
        grid = Grid(
            subject=subject,
            task=task,
            problems=task.problems("test", self.limit, self.seed),
            places=places_of(self.strategies, self.think_budget, self.attempts, trained),
            ks=self.attempts,
            answer_budget=self.answer_budget,
            batch=self.batch,
            limit=limit,
            slices=slices,
            chips=chips,
            terms=terms,
            seed=self.seed,
            verifier=trained,
        )
        asked = [grid.strategy(place) for place in grid.places]
        return replace(grid, drafts=open_drafts(asked, subject))

    def log_request(self) -> "LogRequest":
        """The log's attempts, and the model and slices that they are costed for."""
        from ..evaluation.attempts_log import joined, read_log
        from ..evaluation.logged import LogRequest
        from ..predicted.model_shape import named_shape

        model, terms = named_shape(self.model), self.terms()
        return LogRequest(
            log=joined([read_log(path) for path in self.attempts_log]),
            model=model,
            slices=slices_named(self.slices),
            chips=[chip_named(name) for name in self._chips()],
            ks=self.attempts,
            batch=self.batch or LOG_BATCH,
            terms=terms,
            source=", ".join(path.name for path in self.attempts_log),
        )

    def _chips(self) -> Sequence[str]:
        return self.chips or (() if self.slices else (CHIP,))

    def _folder(self) -> AbstractContextManager[str | Path]:
        """Where finished cells are kept."""
        return nullcontext(self.out) if self.out else TemporaryDirectory(prefix="rooflink-eval-")
