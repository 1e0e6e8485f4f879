"""`rooflink profile`: the main job."""

import shlex
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import jax
import typer
from rich.console import Console

from ...model.sampling import sampler
from ...model.tasks import Problem
from ...model.tasks.files import ListedTask
from ...model.tasks.notation import speaks_notation
from ...model.tasks.parse import FORMS, parse_task
from ...tpu_configs.catalog import load_rentable_tpus
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..compiled.targets import Target, parse_target, require_compiler
from ..errors import ProfileInputError
from ..measured.machine import chip_named, slice_named
from ..profiler import profile
from ..record import Profile
from ..render.console import show
from ..render.report import write_run
from ..subject import Subject, resolve_subject
from ..workload import Request
from .folder import reserved
from .options import DTypeChoice
from .progress import TerminalWatcher

DEFAULT_MODEL = "reasoner"
DEFAULT_TASK = "chain:k=2-12"
"""Of the embedded reasoner; other models get the bundled word problems."""
DEFAULT_PROBLEMS = 16
LONGEST_PROMPT, LONGEST_THOUGHT, LONGEST_ANSWER = 128, 128, 16

EXAMPLES = f"""Count, and where it can run measure, what each phase of a chain of thought costs.

With no options: the embedded reasoner, which needs no download, on {DEFAULT_PROBLEMS} problems of
{DEFAULT_TASK} with checked answers. `--model smollm2-135m` fetches its weights once (93 MB).
Writes profile.json, report.md, report.html and TensorBoard events.

Examples:

    rooflink profile

    rooflink profile --task sum:n=8 --attempts 16 --temperature 1

    rooflink profile --model smollm2-135m --prompts "Why is the sky blue?" --attempts 1

    rooflink profile --model smollm2-135m --task gsm8k:test.jsonl --limit 8 --batch 4

    rooflink profile --model llama3-8b --weights none --attempts 16 --think-budget 2048

    rooflink profile --model llama3-8b --weights none --slice v5e-8 --slice h100

    rooflink profile --model ./my_model.gguf --chip v5e --chip my_chip.toml --json
"""


class InterruptedRunError(Exception):
    """Ctrl-C before there was anything worth keeping."""


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
    attempts: Annotated[int, typer.Option(help="Attempts at each prompt.")] = 4,
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
    temperature: Annotated[float, typer.Option(help="0 for the likeliest token.")] = 0.6,
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
    json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
) -> None:
    slices = [slice_named(text) for text in slice or ()]
    chips = _chips(chip, slices)
    subject = resolve_subject(model, weights.value, dtype.value if dtype else None)
    context = subject.config.context_length
    task = task or (None if prompts else _default_task(subject))
    request = Request(
        problems=_problems(prompts, task, limit, seed),
        attempts=attempts,
        think_budget=min(LONGEST_THOUGHT, context // 2) if think_budget is None else think_budget,
        answer_budget=min(LONGEST_ANSWER, context // 8) if answer_budget is None else answer_budget,
        sampler=sampler(temperature, top_k, top_p),
        batch=batch,
        think_end=think_end,
        prompt_tokens=min(LONGEST_PROMPT, context // 4) if prompt_tokens is None else prompt_tokens,
        task=task,
        seed=seed,
    )
    targets = _targets(compile, subject)
    name = out.name if out else f"{subject.config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    with reserved(out or Path("runs") / name) as folder:
        found = _watched(subject, request, chips, repeats, name, targets, slices)
        write_run(found, folder)
    if json:
        print(found.model_dump_json(indent=1))
    else:
        console = Console()
        show(found, console)
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
) -> Profile:
    with TerminalWatcher() as watcher:
        command = shlex.join(["rooflink", *sys.argv[1:]])
        try:
            return profile(
                subject, request, chips, repeats, name, command, watcher, targets, slices=slices
            )
        except KeyboardInterrupt:
            raise InterruptedRunError from None


def _chips(names: list[str] | None, slices: list[Slice]) -> list[Chip]:
    """Chips to place the workload on: those named and those of slices, each once."""
    if not names and not slices:
        return load_rentable_tpus()
    chips = [*(chip_named(name) for name in names or ()), *(over.chip for over in slices)]
    return list({chip.name: chip for chip in chips}.values())


def _targets(asked: list[str] | None, subject: Subject) -> list[Target]:
    """Targets of the compiled lens; without a word, the CPU where the model runs on one."""
    if asked is None:
        asked = ["cpu"] if subject.runs and jax.default_backend() == "cpu" else []
    targets = [parse_target(text) for text in asked if text.lower() != "none"]
    for target in targets:
        require_compiler(target)
    return targets


def _default_task(subject: Subject) -> str:
    reads_notation = subject.tokenizer is not None and speaks_notation(subject.tokenizer)
    return DEFAULT_TASK if reads_notation else "bundled"


def _problems(prompts: str | None, task: str | None, limit: int | None, seed: int) -> list[Problem]:
    """Prompts as they are; of a task the test split, of a file the first lines."""
    if prompts is not None and task is not None:
        raise ProfileInputError("--prompts and --task exclude each other: give one of them")
    if prompts is not None:
        return _prompts(prompts)[:limit]
    assert task is not None
    found = parse_task(task)
    if isinstance(found, ListedTask):
        return list(found.listed[:limit])
    return found.problems("test", limit or DEFAULT_PROBLEMS, seed)


def _prompts(text: str) -> list[Problem]:
    """One problem a line of the file called `text`, or `text` itself."""
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
