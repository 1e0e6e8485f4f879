"""The command line as a whole: its commands, each imported when it is asked for, and how each of
its failures ends."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from ...tpu_configs.input_errors import InputError
from ..errors import InterruptedRunError, ProfileInputError

BAD_INPUT, INTERRUPTED = 2, 130
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Entry(NamedTuple):
    """A command: its module in this folder, its function there, and the first sentence of its
    help."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "profile": Entry("profile", "profile_command", "Count, and where it can run measure, what each "
                     "phase of a chain of thought costs."),
    "predict": Entry("predict", "predict_command", "Predict time, energy, money and carbon of a "
                     "reasoning workload on slices."),
    "eval": Entry("evaluate", "eval_command", "Evaluate strategies on a task: accuracy, pass@k, "
                  "and what each correct answer costs."),
    "train": Entry("train", "train_command", "Train a small reasoner, or make one better, on this "
                   "machine."),
    "calibrate": Entry("calibrate", "calibrate_command", "Fit prediction's parameters on published "
                       "measurements; test the fit held out."),
    "compare": Entry("compare", "compare_command", "Show what changed between two profiles."),
    "compile": Entry("compile", "compile_command", "Compile the phases for a target and explain "
                     "every byte that they move."),
    "hlo": Entry("hlo", "hlo_command", "Read a compiled program's HLO and say what it moves, "
                 "loops multiplied out."),
    "validate": Entry("validate", "validate_command", "Set predictions against published "
                      "measurements, worked problems and other tools."),
    "codesign": Entry("codesign", "codesign_command", "Say which change of the chip or of the "
                      "model buys most, ranked and with uncertainty."),
    "explore": Entry("explore", "explore_command", "Sweep chips, dtypes, workloads and batches "
                     "into a Parquet dataset."),
    "board": Entry("board", "board_command", "Show runs in TensorBoard, with the rooflink tab; "
                   "Ctrl-C ends it."),
    "models": Entry("listings", "models_command", "List the model presets, and the models of which "
                    "only sizes come along."),
    "chips": Entry("chips", "chips_command", "List the chips, TPUs first, or show one with the "
                   "source and confidence of each figure."),
    "schema": Entry("listings", "schema_command", "Print the JSON Schema (draft 2020-12) of a "
                    "record that rooflink writes, each field described."),
}  # fmt: skip


class Command(TyperCommand):
    """A command that knows how its options were called before."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spellings: dict[str, str] = getattr(self.callback, "old_spellings", {})
        for old in (arg.partition("=")[0] for arg in args):
            if old in spellings:
                new = spellings[old]
                each = ", given once for each value" if old == f"{new}s" else ""
                raise ProfileInputError(f"{old} is called {new} now{each}")
        return super().parse_args(ctx, args)


def load_command(name: str) -> TyperCommand:
    """The command itself, with its module imported."""
    entry = COMMANDS[name]
    function: Callable[..., None] = getattr(
        import_module(f".{entry.module}", __package__), entry.function
    )
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(name, cls=Command, context_settings=HELP_OPTIONS)(function)
    command = typer.main.get_command(alone)
    assert isinstance(command, TyperCommand)
    return command


class LazyGroup(TyperGroup):
    """Lists the commands by their summaries, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=entry.summary, rich_markup_mode="markdown")
            for name, entry in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name in COMMANDS else command, rest


app = typer.Typer(
    cls=LazyGroup,
    name="rooflink",
    help="What a reasoning model's thinking costs a chip, phase by phase.",
    context_settings=HELP_OPTIONS,
    rich_markup_mode="markdown",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"rooflink {version('rooflink')}")
        except PackageNotFoundError:  # run from a checkout that is on the path
            print("rooflink, from a checkout")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _whole(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line; a mistake of the user's ends in one sentence and exit code 2."""
    try:
        app(prog_name="rooflink")  # ends in SystemExit, with code 2 for options it refuses
    except InterruptedRunError as error:
        _say("interrupted", str(error))
        code = INTERRUPTED
    except ValueError as error:
        if not isinstance(error, _input_errors()):
            raise
        _say("error", str(error))
        code = BAD_INPUT
    except BrokenPipeError:  # e.g. `rooflink models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _input_errors() -> tuple[type[ValueError], ...]:
    from ...model.config import ModelInputError  # a command that ends well may never need it

    return ModelInputError, InputError


def _say(kind: str, sentence: str) -> None:
    from rich.console import Console  # a command that ends well may never need it
    from rich.text import Text

    line = Text.assemble((f"{kind}: ", "bold red"), sentence)
    Console(stderr=True).print(line, soft_wrap=True, highlight=False)
