"""How many files the name of a model passes through, from the command's options to its output.

A file counts where one of its functions is handed the name, an object that has it in a field, or a
list of such objects: who follows the name by hand has to open it.
"""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from pydantic import BaseModel

from rooflink.profiling.cli.app import load_command


def carries(value: object, name: str) -> bool:
    if isinstance(value, str):
        return value == name
    if isinstance(value, list | tuple):
        return any(carries(each, name) for each in value)
    is_object = isinstance(value, BaseModel) or dataclasses.is_dataclass(type(value))
    fields = getattr(value, "__dict__", {}) if is_object else {}
    return any(isinstance(field, str) and field == name for field in fields.values())


@contextmanager
def noting(handed: dict[str, str], name: str) -> Iterator[None]:
    """Puts own modules whose functions are handed `name` inside into `handed`, with the first of
    these functions."""

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        own = module.startswith("rooflink.") and code.co_filename.endswith(".py")  # not generated
        if event != "call" or not own or module in handed:
            return
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(carries(frame.f_locals.get(each), name) for each in given):
            handed[module] = code.co_name

    sys.setprofile(on_event)
    try:
        yield
    finally:
        sys.setprofile(None)


def journey(name: str, verb: str, *arguments: object) -> dict[str, str]:
    """Of a second run: in the first one modules are imported, whose tables name models too."""
    handed: dict[str, str] = {}
    command, line = load_command(verb), [str(each) for each in arguments]
    run = command.callback
    assert run is not None

    def followed(**options: object) -> None:
        with noting(handed, name):
            run(**options)

    command.main(line, standalone_mode=False)
    command.callback = followed
    command.main(line, standalone_mode=False)
    return handed


def test_a_prediction_hands_its_model_to_few_files() -> None:
    handed = journey("llama3-8b", "predict", "--model", "llama3-8b", "--slice", "v5e-8")
    assert "rooflink.profiling.predicted.model_shape" in handed
    assert len(handed) <= 12, handed


@pytest.mark.slow
def test_a_profile_and_its_codesign_hand_their_model_to_few_files(tmp_path: Path) -> None:
    small = ("--limit", 1, "--attempts", 1, "--think-budget", 2, "--repeats", 1)
    run = tmp_path / "run"
    handed = journey("reasoner", "profile", "--model", "reasoner", *small, "--out", run)
    assert "rooflink.model.weights.loading" in handed
    assert len(handed) <= 45, handed
    asks = ("--slice", "v5e-8", "--out", tmp_path / "asks")
    handed = journey("reasoner", "codesign", run, *asks)
    assert "rooflink.profiling.predicted.model_shape" in handed
    assert len(handed) <= 20, handed
