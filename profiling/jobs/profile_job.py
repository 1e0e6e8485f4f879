"""ProfileJob: what each phase of a chain of thought costs. The main job."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from ...model.tasks.parse import FORMS
from ..backend import choose_backend
from ..errors import InterruptedRunError, ProfileInputError
from ..names import chips_for, slices_named
from ..progress import Watcher
from ..records import Profile
from .job import Names, Option, WrittenJob
from .problem_options import DEFAULT_PROBLEMS, DEFAULT_TASK, problems_of

if TYPE_CHECKING:
    from ..compiled.spec import Target
    from ..model_spec import Subject
    from ..strategy_request import StrategyRequest
    from ..workload import Request

DEFAULT_ATTEMPTS, DEFAULT_TEMPERATURE = 4, 0.6
LONGEST_PROMPT, LONGEST_THOUGHT, LONGEST_ANSWER = 128, 128, 16
NO_TARGET = "none"


class ProfileJob(WrittenJob):
    __doc__ = f"""Count, and where it can run measure, what each phase of a chain of thought costs.

    With no options: the embedded reasoner, which needs no download, on {DEFAULT_PROBLEMS} problems
    of {DEFAULT_TASK} with checked answers. `--model smollm2-135m` fetches its weights once (93 MB).
    Writes profile.json, report.md, report.html and TensorBoard events.
    """

    model: Annotated[str, Option("A preset, a .gguf file, a Hugging Face folder or a hub id.")] = (
        "reasoner"
    )
    weights: Annotated[
        Literal["own", "none", "random"],
        Option("own = load the checkpoint; random = random init; none = count costs only"),
    ] = "own"
    prompts: Annotated[
        str | tuple[str, ...] | None, Option("A prompt, or a text file with one prompt per line.")
    ] = None
    task: Annotated[str | None, Option(f"Problems with checked answers: {FORMS}.")] = None
    limit: Annotated[int | None, Field(ge=1), Option("Take this many problems.")] = None
    strategy: Annotated[
        str | None,
        Option(
            "How to answer, instead of independent attempts: self-consistency:n=8, best-of-n:n=16, "
            "beam ...; `rooflink eval --help` lists all, with their settings."
        ),
    ] = None
    verifier: Annotated[
        Path | None,
        Option(
            "Folder that `train --method verifier` wrote: best-of-n and beam score attempts by it."
        ),
    ] = None
    attempts: Annotated[
        int | None,
        Field(ge=1),
        Option(f"Attempts at each prompt  [default: {DEFAULT_ATTEMPTS}]"),
    ] = None
    think_budget: Annotated[
        int | None, Option(f"Most tokens of a thought  [default: {LONGEST_THOUGHT}, or what fits]")
    ] = None
    answer_budget: Annotated[
        int | None, Option(f"Most tokens of an answer  [default: {LONGEST_ANSWER}, or what fits]")
    ] = None
    think_end: Annotated[
        str | None, Option("Text that ends a thought  [default: the model's marker or a cue]")
    ] = None
    temperature: Annotated[
        float | None, Option(f"0 for the likeliest token  [default: {DEFAULT_TEMPERATURE}]")
    ] = None
    top_k: Annotated[int | None, Option("Sample from the k likeliest tokens.")] = None
    top_p: Annotated[float | None, Option("Sample from this share of probability.")] = None
    batch: Annotated[
        int | None, Field(ge=1), Option("Prompts that run together  [default: all]")
    ] = None
    prompt_tokens: Annotated[
        int | None,
        Field(ge=1),
        Option(
            "Length of each prompt where there is no tokenizer  "
            f"[default: {LONGEST_PROMPT}, or what fits]"
        ),
    ] = None
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None,
        Option("[default: float32 to run on a CPU, else bfloat16]"),
    ] = None
    chips: Annotated[
        Names,
        Option(
            "A chip by name or .toml file: its lower bound, and a prediction on its smallest slice "
            "that fits; may be repeated  [default: the TPUs with a price on demand]",
            "--chip",
        ),
    ] = ()
    slices: Annotated[
        Names, Option("Slices such as v5e-8 or h100-2 to predict on; may be repeated.", "--slice")
    ] = ()
    repeats: Annotated[int, Field(ge=1), Option("Measured runs.")] = 3
    seed: Annotated[int, Field(ge=0), Option("Of sampling and of random weights.")] = 0
    compile: Annotated[
        Names | None,
        Option(
            "Add the compiled lens for 'cpu' or a slice such as v5e:2x4; may be repeated; 'none' "
            "for none  [default: cpu where that runs]"
        ),
    ] = None
    trace: Annotated[
        bool,
        Option("Trace one generation more, for time by scope and for XProf, into the folder."),
    ] = False
    name: Annotated[str | None, Option("Name of the profile  [default: the folder's]")] = None

    @model_validator(mode="after")
    def _options_that_go_together(self) -> Self:
        if self.prompts is not None and self.task is not None:
            raise ProfileInputError("--prompts and --task exclude each other: give one of them")
        if self.strategy is not None:
            self.refuse(
                ("attempts", "temperature", "top_k", "top_p"),
                "does not apply with --strategy, whose own settings say how it samples, as in "
                "--strategy self-consistency:n=8,temperature=0.6",
            )
        return self

    def default_out(self) -> Path:
        """A new folder under runs/, called after the model."""
        return Path("runs") / self._name_by_time()

    def run(self, watcher: Watcher, command: str = "python") -> Profile:
        """The profile. Raises ModelInputError, ChipInputError, ProfileInputError, or
        InterruptedRunError where Ctrl-C came before anything was measured."""
        from ..model_spec import resolve_subject
        from ..profiler import profile

        choose_backend()
        if self.trace and self.out is None:
            raise ProfileInputError("a trace needs a folder to be written into: name one as out")
        slices = slices_named(self.slices)
        chips = chips_for(self.chips, slices)
        subject = resolve_subject(self.model, self.weights, self.dtype)
        request, targets = self.request(subject), self.targets(subject)
        name = self.name or (self.out.name if self.out else self._name_by_time())
        try:
            return profile(
                subject, request, chips, self.repeats, name, command, watcher, targets,
                slices=slices, trace=self.out if self.trace else None,
            )  # fmt: skip
        except KeyboardInterrupt:
            said = "nothing had been measured yet, so nothing was written"
            raise InterruptedRunError(said) from None

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
        model = Path(self.model).name.removesuffix(".gguf")
        return f"{model}-{datetime.now():%Y%m%d-%H%M%S}"


def _given(value: int | None, default: int) -> int:
    return default if value is None else value
