"""Every command of README and of the guide runs: against a small model, few problems, little
thought, on this machine where a TPU is named."""

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from real_records import RECORDS
from tiny_models import LLAMA, public_tensors, write_folder, write_gguf

from rooflink.profiling.cli.examples import READ_BY, examples_command

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "notebooks" / "README.md")
NOT_RUN = {
    "rooflink COMMAND --help": "tests/profiling/cli/test_cli_documented.py has every option",
    "rooflink --install-completion": "changes the user's shell",
    "rooflink board runs": "serves until stopped: tests/profiling/board/test_board_browser.py",
    "rooflink eval": "a verb, named in a sentence",
    "rooflink calibrate --out calibration": "a minute's fit: tests/profiling/calibration fits less",
    "rooflink calibrate --measurements measured_energy_h100.csv --out calibration":
        "needs rows that are not shipped; tests/profiling/calibration fits less",
    "rooflink train --method rejection --task sum:n=8 --out sifted":
        "a minute's training: tests/model/training/test_rejection.py",
    "rooflink compile --model llama3-70b --slice v5p:4x4x4 --batch 16 --out runs/70b --xprof "
    "traces": "XProf shows no CPU: tests/profiling/compiled/xprof",
    "rooflink eval --strategies best-of-n:n=16,weighted=true --verifier FOLDER":
        "needs a trained verifier: tests/model/training/test_outcome.py",
}  # fmt: skip
TINY = {"smollm2-135m", "owner/name"}
LIGHT = {
    "predict",
    "chips",
    "models",
    "schema",
    "hlo",
    "compare",
    "explore",
    "examples",
    "validate",
}


def documented() -> list[str]:
    """Each command once: of fenced blocks, and in a line's code."""
    found: dict[str, None] = {}
    for page in PAGES:
        parts = page.read_text().split("```")
        lines = "\n".join(parts[1::2]).replace("\\\n", " ").splitlines()
        fenced = [re.sub(r"\s+#.*", "", line).removeprefix("$ ") for line in lines]
        inline = re.findall(r"`(rooflink [^`]+)`", "".join(parts[::2]))
        for command in (" ".join(one.split()) for one in (*fenced, *inline)):
            if command.startswith("rooflink "):
                found[command] = None
    return list(found)


def smaller(command: str) -> list[str]:
    """The arguments of the same command on less: later options win over earlier ones."""
    arguments = shlex.split(command)[1:]
    verb = arguments[0]
    arguments = ["tiny" if each in TINY else each for each in arguments]
    if verb != "train":
        arguments = [re.sub(r"\bn=\d+", "n=2", each) for each in arguments]
    if verb in ("profile", "compile"):
        arguments = [re.sub(r"^v\d[ep]:\dx\d(x\d)?$", "cpu", each) for each in arguments]
    if verb == "profile" and "none" not in arguments:
        arguments += ["--think-budget", "4", "--answer-budget", "2", "--repeats", "1"]
        if "--prompts" not in command:
            arguments += ["--limit", "2"]
        if "--strategy" not in command:
            arguments += ["--attempts", "2"]
    if verb == "eval" and "--attempts-log" not in command:
        arguments += ["--limit", "2", "--think-budget", "4", "--attempts", "1,2"]
    if verb == "levers":
        arguments += ["--limit", "2"]
    if verb == "train":
        arguments += ["--updates", "1", "--test-problems", "2"]
    if verb == "compile":
        arguments = ["tiny" if each.startswith("llama3") else each for each in arguments]
        arguments += ["--batch", "1", "--context", "64", "--think", "4", "--attempts", "1"]
    return arguments


COMMANDS = [
    *(command for command in documented() if command not in NOT_RUN),
    *(command for _, command in READ_BY.values()),
]


def case(command: str) -> Any:
    light = command.split()[1] in LIGHT or "--weights none" in command
    return pytest.param(command, marks=() if light else pytest.mark.slow, id=command)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands name: a model both ways, runs, and the files of `rooflink examples`."""
    where = tmp_path_factory.mktemp("documented")
    config = replace(LLAMA, context_length=512)
    tensors = public_tensors(config)
    write_folder(where / "tiny", config, tensors)
    write_gguf(where / "model.gguf", config, tensors)
    for name in ("before", "after", "mine", "more", "llama3-70b"):
        (where / "runs" / name).mkdir(parents=True)
        shutil.copy(RECORDS / "counted.json", where / "runs" / name / "profile.json")
    examples_command(where)
    return where


@pytest.mark.parametrize("command", [case(command) for command in COMMANDS])
def test_a_documented_command_runs(
    rooflink: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(folder)
    done = rooflink(*smaller(command))
    assert done.code == 0, f"{smaller(command)}\n{done.err[-2000:]}"


def test_what_is_not_run_is_still_documented_and_said_why() -> None:
    assert set(NOT_RUN) <= set(documented())
    assert len(COMMANDS) > 30
