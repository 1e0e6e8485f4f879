"""The command line called in this process, and a tiny model for it to run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tiny_models import LLAMA, public_tensors, write_folder

from rooflink.profiling.cli import main, progress_bar


class Outcome(NamedTuple):
    """What a shell would have seen."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def rooflink(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Call `rooflink ARGUMENTS` in an empty folder, 120 columns wide, without lines of progress
    however slow the machine is."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(progress_bar, "FIRST_S", 3600.0)

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["rooflink", *(str(each) for each in arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return Outcome(int(stopped.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Llama as a Hugging Face folder, with a context of 128 tokens."""
    return write_folder(tmp_path_factory.mktemp("tiny") / "tiny", LLAMA, public_tensors(LLAMA))
