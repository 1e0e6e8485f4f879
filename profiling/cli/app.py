"""The command line as a whole: its commands, and how each of its failures ends."""

import os
import sys

import typer
from rich.console import Console

from ...model.config import ModelInputError
from ...tpu_configs.figure import ChipInputError
from ..errors import ProfileInputError
from ..provenance import choose_backend
from .board import board_command
from .calibrate import calibrate_command
from .codesign import codesign_command
from .compare import compare_command
from .compile import compile_command, hlo_command
from .evaluate import eval_command
from .explore import explore_command
from .listings import chips_command, models_command, schema_command
from .predict import predict_command
from .profile import InterruptedRunError, profile_command
from .train import train_command
from .validate import validate_command

INPUT_ERRORS = (ModelInputError, ChipInputError, ProfileInputError)
BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    name="rooflink",
    help="What a reasoning model's thinking costs a chip, phase by phase.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
app.command("profile")(profile_command)
app.command("predict")(predict_command)
app.command("eval")(eval_command)
app.command("train")(train_command)
app.command("calibrate")(calibrate_command)
app.command("compare")(compare_command)
app.command("compile")(compile_command)
app.command("hlo")(hlo_command)
app.command("validate")(validate_command)
app.command("codesign")(codesign_command)
app.command("explore")(explore_command)
app.command("board")(board_command)
app.command("models")(models_command)
app.command("chips")(chips_command)
app.command("schema")(schema_command)


def main() -> None:
    """Run the command line; a mistake of the user's ends in one sentence and exit code 2."""
    choose_backend()
    try:
        app()  # ends in SystemExit; wrong options are typer's own to explain, with exit code 2
    except InterruptedRunError:
        _say("interrupted before anything could be measured; nothing was written")
        code = INTERRUPTED
    except INPUT_ERRORS as error:
        _say(str(error))
        code = BAD_INPUT
    except BrokenPipeError:  # e.g. `rooflink models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _say(sentence: str) -> None:
    Console(stderr=True).print(f"[bold red]error:[/] {_escaped(sentence)}", soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
