"""The command line as a whole: its commands, each imported when it is asked for, and how each of
its failures ends."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ...tpu_configs.input_errors import InputError, one_line
from .. import version
from ..errors import (
    InterruptedRunError,
    ProfileInputError,
    acknowledged,
    exit_code,
    held,
    interruptible,
    silence,
)

BAD_INPUT = 2
OPTION_ERRORS: tuple[type[Exception], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""Base of all that typer has against options; click's, or its own copy of it."""
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


COMMANDS = {
    "profile": "Count, and where it can run measure, what each phase of a chain of thought costs.",
    "predict": "Predict time, energy, money and carbon of a reasoning workload on slices.",
    "eval": "Evaluate strategies on a task: accuracy, pass@k, and what each correct answer costs.",
    "levers": "Measure what each lever of a model does to its answers, and what it costs.",
    "train": "Train a small reasoner, or make one better, on this machine.",
    "quantize": "Write a model's folder anew with its matrices in int8, int4 or fp8.",
    "calibrate": "Fit prediction's parameters on published measurements; test the fit held out.",
    "compare": "Say whether a change is worth it: two profiles side by side.",
    "compile": "Compile the phases for a target and explain every byte that they move.",
    "hlo": "Read a compiled program's HLO and say what it moves, loops multiplied out.",
    "validate": "Set predictions against published measurements, worked problems and other tools.",
    "codesign": "Say which change of chip or model buys most, ranked and with uncertainty.",
    "explore": "Sweep chips, dtypes, workloads and batches into a Parquet dataset.",
    "board": "Show runs in TensorBoard, with the rooflink tab; Ctrl-C ends it.",
    "models": "List the model presets, and the models of which only sizes come along.",
    "chips": "List the chips, TPUs first, or show one with source and confidence of each figure.",
    "stacks": "List the serving stacks that --stack takes, with their measurements by chip.",
    "schema": "Print the JSON Schema (draft 2020-12) of a record, or of a log that eval reads.",
    "examples": "Write small files of each kind that commands read, to try and to start from.",
}
"""Commands, and the first sentence of each one's help."""

OWN_MODULES = {"hlo": "hlo", "board": "board", "chips": "chips", "models": "listings",
               "stacks": "stacks", "schema": "listings", "examples": "examples"}  # fmt: skip
"""Modules of this folder, of commands that run no job."""


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
    if name in OWN_MODULES:
        module = import_module(f".{OWN_MODULES[name]}", __package__)
        function: Callable[..., None] = getattr(module, f"{name}_command")
    else:
        from .job_commands import job_command

        function = job_command(name)
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
            name: TyperCommand(name, help=summary, rich_markup_mode="markdown")
            for name, summary in COMMANDS.items()
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
        print(f"rooflink {version()}")
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


def code_of_command() -> int:
    """Run the command; what ended it goes to stderr as one sentence."""
    try:
        with held(), interruptible():
            stopped = app(prog_name="rooflink", standalone_mode=False)
    except SystemExit as ended:  # how rich and typer end where nobody reads on
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise
    except InterruptedRunError as error:
        return say("interrupted", str(error), exit_code(error.by))
    except KeyboardInterrupt as error:
        return say("interrupted", "nothing was written", exit_code(type(error)))
    except OPTION_ERRORS as error:
        return say("error", _of_options(error), BAD_INPUT)
    except ValueError as error:
        if not isinstance(error, _input_errors()):
            raise
        return say("error", str(error), BAD_INPUT)
    by = acknowledged()
    if by is not None:
        kept = "what was measured until then is kept, and the record says so"
        return say("interrupted", kept, exit_code(by))
    return int(stopped or 0)


def _of_options(error: BaseException) -> str:
    """What typer has against the options, in a sentence that says where they are listed."""
    from pydantic import ValidationError  # typer has read the option with it

    text: str = getattr(error, "format_message", error.__str__)()
    message = " ".join(text.split()).rstrip(".")
    if isinstance(error.__cause__, ValidationError):  # whose words leave out what was given
        given = str(error.__cause__.errors()[0]["input"])[:60]
        message = message.replace("Input should be", f"{given!r}, expected")
    path = getattr(getattr(error, "ctx", None), "command_path", "rooflink")
    return f"{message[:1].lower()}{message[1:]}; `{path} --help` lists the options"


def _input_errors() -> tuple[type[ValueError], ...]:
    from ...model.config import ModelInputError  # a command that ends well may never need it

    return ModelInputError, InputError


def say(kind: str, sentence: str, code: int) -> int:
    """Write 'error: SENTENCE' on stderr; returns `code`."""
    from rich.console import Console  # a command that ends well may never need it
    from rich.text import Text

    line = Text.assemble((f"{kind}: ", "bold red"), one_line(sentence))
    try:
        Console(stderr=True).print(line, soft_wrap=True, highlight=False)
        sys.stderr.flush()
    except OSError:  # of a full disk behind stderr the exit code alone can tell
        silence(sys.stderr)
    return code
