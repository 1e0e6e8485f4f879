"""`rooflink profile`: the main job."""

import shlex
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...model.sampling import sampler
from ...model.tasks.parse import FORMS
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..asking import (
    DEFAULT_ATTEMPTS,
    DEFAULT_MODEL,
    DEFAULT_PROBLEMS,
    DEFAULT_TASK,
    DEFAULT_TEMPERATURE,
    LONGEST_ANSWER,
    LONGEST_THOUGHT,
    answer_budget_for,
    attempts_for,
    problems_for,
    prompt_tokens_for,
    prompts_in,
    targets_for,
    task_for,
    temperature_for,
    think_budget_for,
)
from ..compiled.targets import Target
from ..errors import InterruptedRunError
from ..jobs.job import reserved
from ..model_spec import Subject, resolve_subject
from ..names import chips_for, slice_named
from ..profiler import profile
from ..records import Profile
from ..reports.renderers.console import show
from ..reports.sections.profile import profile_summary
from ..reports.write import write_run
from ..strategy_request import strategy_for
from ..workload import Request
from .options import DTypeChoice, VerifierOption
from .progress import TerminalWatcher

EXAMPLES = f"""Count, and where it can run measure, what each phase of a chain of thought costs.

With no options: the embedded reasoner, which needs no download, on {DEFAULT_PROBLEMS} problems of
{DEFAULT_TASK} with checked answers. `--model smollm2-135m` fetches its weights once (93 MB).
Writes profile.json, report.md, report.html and TensorBoard events.

Examples:

    rooflink profile

    rooflink profile --task sum:n=8 --attempts 16 --temperature 1

    rooflink profile --task sum:n=8 --strategy self-consistency:n=16

    rooflink profile --model smollm2-135m --prompts "Why is the sky blue?" --attempts 1

    rooflink profile --model smollm2-135m --task gsm8k:test.jsonl --limit 8 --batch 4

    rooflink profile --model llama3-8b --weights none --attempts 16 --think-budget 2048

    rooflink profile --model llama3-8b --weights none --slice v5e-8 --slice h100

    rooflink profile --model smollm2-135m --limit 4 --trace

    rooflink profile --model ./my_model.gguf --chip v5e --chip my_chip.toml --json
"""


class WeightsChoice(StrEnum):
    """Where the weights come from."""

    OWN = "own"
    NONE = "none"
    RANDOM = "random"


def profile_command(
    model: Annotated[
        str, typer.Option(help="A preset, a .gguf file, a Hugging Face folder or a hub id.")
    ] = DEFAULT_MODEL,
    weights: Annotated[
        WeightsChoice,
        typer.Option(help="'own': the model's; 'random': run without; 'none': count costs only."),
    ] = WeightsChoice.OWN,
    prompts: Annotated[
        str | None, typer.Option(help="A prompt, or a text file with one prompt a line.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help=f"Problems with checked answers: {FORMS}.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take this many problems.")] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="Instead of attempts by themselves: self-consistency:n=8, best-of-n:n=16, beam "
            "...; `rooflink eval --help` lists all, with their settings."
        ),
    ] = None,
    verifier: VerifierOption = None,
    attempts: Annotated[
        int | None, typer.Option(help=f"Attempts at each prompt  [default: {DEFAULT_ATTEMPTS}]")
    ] = None,
    think_budget: Annotated[
        int | None,
        typer.Option(help=f"Most tokens of a thought  [default: {LONGEST_THOUGHT}, or what fits]"),
    ] = None,
    answer_budget: Annotated[
        int | None,
        typer.Option(help=f"Most tokens of an answer  [default: {LONGEST_ANSWER}, or what fits]"),
    ] = None,
    think_end: Annotated[
        str | None,
        typer.Option(help="Text that ends a thought  [default: the model's marker or a cue]"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help=f"0 for the likeliest token  [default: {DEFAULT_TEMPERATURE}]"),
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from this share of mass.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Prompts that run together  [default: all]")
    ] = None,
    prompt_tokens: Annotated[
        int | None,
        typer.Option(
            help="Length of each prompt where there is no tokenizer  [default: 128, or what fits]"
        ),
    ] = None,
    dtype: Annotated[
        DTypeChoice | None,
        typer.Option(help="[default: float32 to run on a CPU, else bfloat16]"),
    ] = None,
    chip: Annotated[
        list[str] | None,
        typer.Option(
            help="A chip by name or .toml file: its floor, and a prediction on its smallest slice "
            "that fits; may be repeated  [default: the TPUs with a price on demand]"
        ),
    ] = None,
    slice: Annotated[
        list[str] | None,
        typer.Option(help="Chips such as v5e-8 or h100-2 to predict on; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder  [default: runs/MODEL-TIME]")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Measured runs.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of sampling and of random weights.")] = 0,
    compile: Annotated[
        list[str] | None,
        typer.Option(
            help="Add the compiled lens for 'cpu' or a slice such as v5e:2x4; may be repeated; "
            "'none' for none  [default: cpu where that runs]"
        ),
    ] = None,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace",
            help="Trace one generation more, for time by scope and for XProf, into the folder.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
) -> None:
    slices = [slice_named(text) for text in slice or ()]
    chips = chips_for(chip or (), slices)
    subject = resolve_subject(model, weights.value, dtype.value if dtype else None)
    task = task or (None if prompts else task_for(subject))
    asked = None if prompts is None else prompts_in(prompts)
    by_strategy = strategy_for(
        strategy, subject, verifier,
        {"--attempts": attempts, "--temperature": temperature, "--top-k": top_k, "--top-p": top_p},
    )  # fmt: skip
    request = Request(
        problems=problems_for(asked, task, limit, seed),
        attempts=attempts_for(by_strategy, attempts),
        think_budget=think_budget_for(subject, think_budget),
        answer_budget=answer_budget_for(subject, answer_budget),
        sampler=sampler(temperature_for(temperature), top_k, top_p),
        batch=batch,
        think_end=think_end,
        prompt_tokens=prompt_tokens_for(subject, prompt_tokens),
        task=task,
        seed=seed,
        strategy=by_strategy,
    )
    targets = targets_for(compile, subject, by_strategy)
    name = out.name if out else f"{subject.config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    with reserved(out or Path("runs") / name) as folder:
        traced = folder if trace else None
        found = _watched(subject, request, chips, repeats, name, targets, slices, traced)
        write_run(found, folder)
    if json:
        print(found.model_dump_json(indent=1))
    else:
        console = Console()
        show(profile_summary(found), console)
        console.print(f"Report: {folder / 'report.html'}", soft_wrap=True, highlight=False)


profile_command.__doc__ = EXAMPLES


def _watched(
    subject: Subject,
    request: Request,
    chips: list[Chip],
    repeats: int,
    name: str,
    targets: list[Target],
    slices: list[Slice],
    trace: Path | None,
) -> Profile:
    with TerminalWatcher() as watcher:
        command = shlex.join(["rooflink", *sys.argv[1:]])
        try:
            return profile(
                subject, request, chips, repeats, name, command, watcher, targets, slices=slices,
                trace=trace,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise InterruptedRunError(
                "nothing had been measured yet, so nothing was written"
            ) from None
