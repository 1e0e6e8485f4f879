"""`rooflink eval`: what strategies get right, and what each answer costs."""

import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...model.strategies.registry import strategy_summaries
from ...model.tasks import parse_task
from ..asking import DEFAULT_MODEL, DEFAULT_TASK
from ..errors import ProfileInputError
from ..evaluation.attempts_log import joined, read_log
from ..evaluation.budgets import parse_budget
from ..evaluation.evaluate import evaluate
from ..evaluation.grid import (
    ANSWER_BUDGET,
    BUDGETS,
    CHIP,
    DEFAULT_STRATEGIES,
    Grid,
    places_of,
    split_strategies,
)
from ..evaluation.logged import LogRequest, evaluate_log
from ..jobs.job import reserved
from ..model_spec import resolve_subject
from ..names import chip_named, slice_named
from ..predicted.economics import DEFAULT_REGION, Terms, parse_price
from ..predicted.model_shape import named_shape
from ..predicted.phases import Lengths
from ..predicted.slices import Asked, slice_for
from ..records.evaluation import Evaluation
from ..render.evaluation_console import show_evaluation
from ..render.evaluation_report import write_evaluation
from ..verifier_costs import verifier_of
from .options import DTypeChoice, VerifierOption
from .progress import TerminalWatcher

LOG_BATCH = 8

STRATEGY_LIST = "\n".join(f"- **{name}**: {said}" for name, said in strategy_summaries().items())

EXAMPLES = f"""Evaluate strategies on a task: accuracy, pass@k, and what each correct answer costs.

Each strategy runs at each budget of thought. Costs are counted for every question, and predicted
on described chips. A run that was stopped goes on where it was.

Examples:

    rooflink eval

    rooflink eval --task sum:n=2-8 --strategies greedy,best-of-n:n=16 --attempts 1,2,4,8,16,32

    rooflink eval --task gsm8k:test.jsonl --model smollm2-135m --limit 20 --budgets 64,128

    rooflink eval --task chain:k=12 --budget flops=2e7 --strategies early-stop:every=4

    rooflink eval --task countdown:n=3 --strategies best-of-n:n=16,weighted=true --verifier DIR

    rooflink eval --attempts-log attempts.jsonl --model llama3-70b --slice v5e-16 --slice h100-2

Strategies, settings after a colon as in best-of-n:n=16,temperature=0.7:

{STRATEGY_LIST}
"""


def eval_command(
    task: Annotated[
        str,
        typer.Option(
            help="chain:k=8, chain:k=2-12, sum:n=8, countdown:n=3, gsm8k:FILE, svamp:FILE, bundled."
        ),
    ] = DEFAULT_TASK,
    strategies: Annotated[str, typer.Option(help="Separated by commas, listed above.")] = ",".join(
        DEFAULT_STRATEGIES
    ),
    budgets: Annotated[str, typer.Option(help="Most tokens of a thought.")] = ",".join(
        map(str, BUDGETS)
    ),
    attempts: Annotated[
        str | None,
        typer.Option(
            help="Numbers of attempts for pass@k and majority@k, as 1,2,4,8: the most are sampled"
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take this many problems.")] = None,
    model: Annotated[
        str,
        typer.Option(
            help="'reasoner', 'smollm2-135m', a .gguf file, a Hugging Face folder or hub id; for a "
            "log what `rooflink predict` takes."
        ),
    ] = DEFAULT_MODEL,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Limit of one question: tokens=64, flops=1e9, joules=0.1, usd=1e-7 or "
            "seconds=0.01, the last three on the first slice."
        ),
    ] = None,
    verifier: VerifierOption = None,
    answer_budget: Annotated[int, typer.Option(help="Most tokens of an answer.")] = ANSWER_BUDGET,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Questions that run together  [default: what suits]")
    ] = None,
    attempts_log: Annotated[
        list[Path] | None,
        typer.Option(
            help="Attempts that another model made, one JSON object a line, or a published log; "
            "may be repeated."
        ),
    ] = None,
    chip: Annotated[
        list[str] | None,
        typer.Option(
            help="Chip whose smallest slice that holds the run is predicted  [default: v5e]"
        ),
    ] = None,
    slice: Annotated[
        list[str] | None, typer.Option(help="Chips such as v5e-8 or h100-2; may be repeated.")
    ] = None,
    price: Annotated[
        str, typer.Option(help="on_demand, spot, ..., $ a chip-hour, or a .toml file of own costs.")
    ] = "on_demand",
    region: Annotated[
        str, typer.Option(help="Where the electricity is used, or grams of CO2e a kWh.")
    ] = DEFAULT_REGION,
    dtype: Annotated[
        DTypeChoice | None,
        typer.Option(help="[default: float32 to run on a CPU, else bfloat16]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of problems and sampling.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder  [default: runs/eval-MODEL-TASK-SEED]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the evaluation as JSON.")] = False,
) -> None:
    terms = Terms(price=parse_price(price), region=region)
    ks = _numbers("--attempts", attempts) if attempts else []
    chips = chip or ([] if slice else [CHIP])
    command = shlex.join(["rooflink", *sys.argv[1:]])
    what = "log" if attempts_log else task
    folder = out or Path("runs") / re.sub(r"[^\w.=-]+", "-", f"eval-{model}-{what}-{seed}")
    if attempts_log and verifier:
        raise ProfileInputError(
            "--verifier scores attempts as they are made, which those of --attempts-log were: "
            "leave one of the two out"
        )
    if attempts_log:
        request = _log_request(attempts_log, model, chips, slice or [], ks, batch, terms)
        with reserved(folder):
            found = evaluate_log(request, folder.name, command)
            write_evaluation(found, folder)
    else:
        problems = parse_task(task).problems("test", limit, seed)
        subject = resolve_subject(model, "own", dtype.value if dtype else None)
        trained = verifier_of(verifier, subject)
        grid = Grid(
            subject=subject,
            task=parse_task(task),
            problems=problems,
            places=places_of(
                split_strategies(strategies), _numbers("--budgets", budgets), ks, trained
            ),
            ks=ks,
            answer_budget=answer_budget,
            batch=batch,
            limit=parse_budget(budget) if budget else None,
            slices=[slice_named(text) for text in slice or ()],
            chips=[chip_named(name) for name in chips],
            terms=terms,
            seed=seed,
            verifier=trained,
        )
        with reserved(folder), TerminalWatcher() as watcher:
            found = evaluate(grid, folder, folder.name, command, watcher)
            write_evaluation(found, folder)
    _say(found, folder, json)


eval_command.__doc__ = EXAMPLES


def _say(found: Evaluation, folder: Path, json: bool) -> None:
    if json:
        print(found.model_dump_json(indent=1))
        return
    console = Console()
    show_evaluation(found, console)
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)


def _numbers(option: str, text: str) -> list[int]:
    """'1,2,4' as a list; ProfileInputError for anything else."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ProfileInputError(
            f"{option} is '{text}', expected whole numbers separated by commas, as 1,2,4"
        ) from None


def _log_request(
    files: list[Path],
    model: str,
    chips: list[str],
    slices: list[str],
    ks: list[int],
    batch: int | None,
    terms: Terms,
) -> LogRequest:
    shape = named_shape(model)
    over = [slice_named(text) for text in slices]
    for name in chips:
        lengths = Lengths(1.0, 1.0, 512.0, 512.0, 64.0)
        smallest = slice_for(Asked(model=shape, lengths=lengths), chip_named(name))
        if smallest is None:
            raise ProfileInputError(f"no slice of {name} holds {shape.name}: name a --slice")
        over.append(smallest)
    return LogRequest(
        log=joined([read_log(path) for path in files]),
        model=shape,
        slices=over,
        ks=ks,
        batch=batch or LOG_BATCH,
        terms=terms,
        source=", ".join(path.name for path in files),
    )
