"""ProfileJob: what each phase of a chain of thought costs. The main job."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from ...model.tasks import Problem, parse_task
from ...model.tasks.parse import FORMS, ListedTask
from ...model.tasks.task import speaks_notation
from ..backend import choose_backend
from ..errors import ProfileInputError, Watcher
from ..names import chips_for, folder_name, slices_named
from ..records import Profile
from ..records.files import save_record
from .job import (
    LARGEST_SEED,
    MOST_PROBLEMS,
    Names,
    RunDType,
    WidthOptions,
    WrittenJob,
    option,
)

if TYPE_CHECKING:
    from ..compiled.spec import Target
    from ..model_spec import Subject
    from ..strategy_request import StrategyRequest
    from ..workload import Request

DEFAULT_TASK = "chain:k=2-12"
"""Of the embedded reasoner; other models get the bundled word problems."""
DEFAULT_PROBLEMS = 16
DEFAULT_ATTEMPTS, DEFAULT_TEMPERATURE = 4, 0.6
LONGEST_PROMPT, LONGEST_THOUGHT, LONGEST_ANSWER = 128, 128, 16
NO_TARGET = "none"


class ProfileJob(WidthOptions, WrittenJob):
    __doc__ = f"""Count, and where it can run measure, what each phase of a chain of thought costs.

    With no options: the embedded reasoner, which needs no download, on {DEFAULT_PROBLEMS} problems
    of {DEFAULT_TASK} with checked answers. `--model smollm2-135m` fetches its weights once (93 MB).
    Writes profile.json, report.md, report.html and TensorBoard events.
    """

    record: ClassVar = "profile"

    model: str = option("reasoner", "A preset, a .gguf file, a Hugging Face folder or a hub id.")
    weights: Literal["own", "none", "random"] = option(
        "own", "own = load the checkpoint; random = random init; none = count costs only"
    )
    prompts: str | tuple[str, ...] | None = option(None, "A prompt, or a text file, one a line.")
    task: str | None = option(None, f"Problems with checked answers: {FORMS}.")
    limit: int | None = option(None, "Take this many problems.", ge=1, le=MOST_PROBLEMS)
    strategy: str | None = option(
        None,
        "How to answer, instead of independent attempts: self-consistency:n=8, best-of-n:n=16, "
        "beam ...; `rooflink eval --help` lists all, with their settings.",
    )
    verifier: Path | None = option(
        None, "Folder of `train --method verifier`: best-of-n and beam score attempts by it."
    )
    attempts: int | None = option(
        None, f"Attempts at each prompt  [default: {DEFAULT_ATTEMPTS}]", ge=1
    )
    think_budget: int | None = option(
        None, f"Most tokens of a thought  [default: {LONGEST_THOUGHT}, or what fits]"
    )
    answer_budget: int | None = option(
        None, f"Most tokens of an answer  [default: {LONGEST_ANSWER}, or what fits]"
    )
    think_end: str | None = option(
        None, "Text that ends a thought  [default: the model's marker or a cue]"
    )
    temperature: float | None = option(
        None, f"0 for the likeliest token  [default: {DEFAULT_TEMPERATURE}]"
    )
    top_k: int | None = option(None, "Sample from the k likeliest tokens.")
    top_p: float | None = option(None, "Sample from this share of probability.")
    batch: int | None = option(None, "Prompts that run together  [default: all]", ge=1)
    prompt_tokens: int | None = option(
        None,
        f"Length of prompts without a tokenizer  [default: {LONGEST_PROMPT}, or what fits]",
        ge=1,
    )
    dtype: RunDType | None = option(None, "[default: float32 to run on a CPU, else bfloat16]")
    chips: Names = option(
        (),
        "A chip by name or .toml file: its lower bound, and a prediction on its smallest slice "
        "that fits; may be repeated  [default: the TPUs with a price on demand]",
        "--chip",
    )
    slices: Names = option((), "Slices to predict on: v5e-8, h100-2; may be repeated.", "--slice")
    repeats: int = option(3, "Measured runs.", ge=1, le=10_000)
    seed: int = option(0, "Of sampling and of random weights.", ge=0, le=LARGEST_SEED)
    compile: Names | None = option(
        None,
        "Add the compiled lens for 'cpu' or a slice such as v5e:2x4; may be repeated; 'none' "
        "for none  [default: cpu where that runs]",
    )
    trace: bool = option(False, "Trace one generation more: time by scope, and XProf.")
    name: str | None = option(None, "Name of the profile  [default: the folder's]")

    @model_validator(mode="after")
    def _options_that_go_together(self) -> Self:
        if self.prompts is not None and self.task is not None:
            raise ProfileInputError("--prompts and --task exclude each other: give one of them")
        if self.strategy is not None:
            self.refuse(
                ("attempts", "temperature", "top_k", "top_p"),
                "cannot be given with --strategy, whose own settings say how it samples, as in "
                "--strategy self-consistency:n=8,temperature=0.6",
            )
        return self

    def default_out(self) -> Path:
        """A new folder under runs/, called after the model."""
        return Path("runs") / self._name_by_time()

    def run(self, watcher: Watcher, command: str = "python") -> Profile:
        """The profile, kept in its folder as soon as it is measured. Raises ModelInputError,
        ChipInputError or ProfileInputError."""
        from ..model_spec import resolve_subject
        from ..profiler import profile

        choose_backend()
        if self.trace and self.out is None:
            raise ProfileInputError("a trace needs a folder to be written into: name one as out")
        slices = slices_named(self.slices)
        chips = chips_for(self.chips, slices)
        subject = resolve_subject(self.model, self.weights, self.dtype, self.widths)
        request, targets = self.request(subject), self.targets(subject)
        name = self.name or (self.out.name if self.out else self._name_by_time())
        return profile(
            subject, request, chips, self.repeats, name, command, watcher, targets,
            slices=slices, trace=self.out if self.trace else None, keep=self._keep,
        )  # fmt: skip

    def kept(self) -> str:
        """Nothing: what is measured is written, and the job goes on to its end."""
        return "nothing had been measured yet, so nothing was written"

    def _keep(self, measured: Profile) -> None:
        if self.out is not None:
            save_record(measured, self.out)

    def request(self, subject: "Subject") -> "Request":
        """What is asked of the model: lengths that were not given are as long as fits."""
        from ...model.sampling import sampler
        from ..workload import Request

        context = subject.config.context_length
        task, problems = problems_of(self.prompts, self.task, self.limit, self.seed, subject)
        strategy = self._strategy(subject)
        temperature = DEFAULT_TEMPERATURE if self.temperature is None else self.temperature
        return Request(
            problems=problems,
            attempts=strategy.parsed().rows if strategy else self.attempts or DEFAULT_ATTEMPTS,
            think_budget=_given(self.think_budget, min(LONGEST_THOUGHT, context // 2)),
            answer_budget=_given(self.answer_budget, min(LONGEST_ANSWER, context // 8)),
            sampler=sampler(temperature, self.top_k, self.top_p),
            batch=self.batch,
            think_end=self.think_end,
            prompt_tokens=_given(self.prompt_tokens, min(LONGEST_PROMPT, context // 4)),
            task=task,
            seed=self.seed,
            strategy=strategy,
        )

    def targets(self, subject: "Subject") -> "list[Target]":
        """Targets of the compiled lens; where none is named, the CPU where the model runs on one.

        Raises ProfileInputError for one that does not exist or whose compiler is not installed.
        """
        import jax

        from ..compiled.spec import parse_target, require_compiler

        names = self._targets()
        if self.compile is None and self.strategy is None:
            names = ("cpu",) if subject.runs and jax.default_backend() == "cpu" else ()
        targets = [parse_target(name) for name in names]
        for target in targets:
            require_compiler(target)
        return targets

    def _targets(self) -> tuple[str, ...]:
        return tuple(name for name in self.compile or () if name.lower() != NO_TARGET)

    def _strategy(self, subject: "Subject") -> "StrategyRequest | None":
        if self.strategy is None and self.verifier is None:
            return None
        from ..strategy_request import strategy_for

        return strategy_for(self.strategy, subject, self.verifier)

    def _name_by_time(self) -> str:
        model = folder_name(Path(self.model).name.removesuffix(".gguf"))
        return f"{model}-{datetime.now():%Y%m%d-%H%M%S}"


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def problems_of(
    prompts: str | Sequence[str] | None,
    task: str | None,
    limit: int | None,
    seed: int,
    subject: "Subject",
) -> tuple[str | None, list[Problem]]:
    """The task's name, where there is one, and the problems: the prompts as they are, a file's
    first lines, or a task's test split.

    Raises ProfileInputError for a file that cannot be read, ModelInputError for an unknown task.
    """
    if prompts is not None:
        written = _prompts_in(prompts) if isinstance(prompts, str) else list(map(Problem, prompts))
        return None, written[:limit]
    name = _task_of(subject) if task is None else task
    found = parse_task(name)
    if isinstance(found, ListedTask):
        return name, list(found.listed[:limit])
    return name, found.problems("test", limit or DEFAULT_PROBLEMS, seed)


def _task_of(subject: "Subject") -> str:
    """The task of a model that was given neither prompts nor a task."""
    reads_notation = subject.tokenizer is not None and speaks_notation(subject.tokenizer)
    return DEFAULT_TASK if reads_notation else "bundled"


def _prompts_in(text: str) -> list[Problem]:
    """One problem for each line of the file called `text`, or `text` itself."""
    path = Path(text).expanduser()
    if not _is_file(path):
        if path.suffix in (".txt", ".md", ".jsonl", ".json") and " " not in text.strip():
            raise ProfileInputError(f"no prompt file at {text}: check the path")
        return [Problem(text)] if text.strip() else []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"cannot read prompts from {path}: {error}") from None
    return [Problem(line.strip()) for line in lines if line.strip()]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a prompt can be longer than a file's name may be
        return False
