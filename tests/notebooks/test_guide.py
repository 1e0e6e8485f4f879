"""The guide beside the notebooks: its links lead somewhere and its commands run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
GUIDE = (FOLDER / "README.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.S) for line in block.splitlines()
]


def test_every_notebook_is_in_the_guide_and_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", GUIDE)
    assert {path.name for path in FOLDER.glob("*.ipynb")} <= set(links)
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_there_is_a_command_for_each_kind_of_reader() -> None:
    used = {shlex.split(line)[1] for line in COMMANDS}
    assert all(line.startswith("rooflink ") for line in COMMANDS)
    assert used >= {"profile", "compare", "codesign", "compile", "predict", "explore", "eval"}


@pytest.mark.slow
def test_its_commands_run_one_after_another(tmp_path: Path) -> None:
    main = "from rooflink.profiling.cli import main; main()"
    for line in COMMANDS:
        ran = subprocess.run(
            [sys.executable, "-c", main, *shlex.split(line)[1:]],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert ran.returncode == 0, f"{line}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
    for written in re.findall(r"Read `(runs/[^`]+)`", GUIDE):
        assert (tmp_path / written).exists(), written
