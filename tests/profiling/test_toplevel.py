"""`import rooflink` and `python -m rooflink`: the command line's verbs at the top."""

import subprocess
import sys

import pytest

import rooflink
from rooflink.profiling.cli.app import COMMANDS, OWN_MODULES


def python(*arguments: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_verb_that_runs_a_job_is_there_by_the_commands_name() -> None:
    verbs = set(COMMANDS) - set(OWN_MODULES)
    assert verbs | {"__version__"} <= set(dir(rooflink))
    assert all(callable(getattr(rooflink, verb)) for verb in verbs)
    assert rooflink.eval is rooflink.evaluate


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="module 'rooflink' has no attribute 'simulate'"):
        rooflink.simulate  # noqa: B018


def test_the_verbs_are_imported_when_they_are_used() -> None:
    loaded = "import rooflink, sys; print(*(n for n in sys.modules if n.startswith('rooflink.')))"
    assert python("-c", loaded) == "rooflink.profiling"


def test_a_version_in_python_and_on_the_command_line() -> None:
    assert python("-m", "rooflink", "--version") == f"rooflink {rooflink.__version__}"
