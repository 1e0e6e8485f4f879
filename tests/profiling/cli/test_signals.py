"""SIGKILL, SIGINT and SIGTERM at random moments: what is finished stays usable, and the same
command comes to the same result.

SIGNALS=N sends so many of each signal to each command (one of each by default); the seed of the
moments is printed, and SIGNALS_SEED repeats it.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from tiny_models import LLAMA, public_tensors, write_folder

from rooflink.profiling.records import Profile
from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.records.evaluation import Evaluation
from rooflink.profiling.records.files import load_profile, load_record

TIMES = int(os.environ.get("SIGNALS", "1"))
SEED = int(os.environ.get("SIGNALS_SEED", time.time_ns() % 10**9))
LONGEST_S = 600
KINDS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

RECIPE = """
method = "grpo"
name = "tiny"
seed = 7
task = "sum:n=2"
steps = 3
minibatches = 1
clip = 0.2
kl_weight = 0.1
sampling = { problems = 2, attempts = 2, temperature = 1.0, think_budget = 4 }
optimizer = { learning_rate = 1e-3, warmup_steps = 2, weight_decay = 0.0, clip_norm = 1.0 }
tested = { problems = 4, every = 3 }
"""


@dataclass(frozen=True)
class Verb:
    """A command of a few seconds, and what of its folder must be the same in the end."""

    arguments: tuple[str, ...]
    result: Callable[[Path], object]


def measured(folder: Path) -> object:
    """Of a profile what is no time: a part of it is a run that was cut short."""
    profile = load_profile(folder)
    assert all(phase.measured is not None for phase in profile.phases)
    return [phase.counted for phase in profile.phases], profile.workload, len(profile.predictions)


def compiled(folder: Path) -> object:
    profile: Profile = load_profile(folder)
    return [
        [phase.model_copy(update={"compile_s": 0.0}) for phase in target.phases]
        for target in profile.compiled
    ]


def cells(folder: Path) -> object:
    evaluation = load_record(Evaluation, folder / "evaluation.json")
    untimed = {"time_per_question_s": None, "timed_questions": 0}
    return [cell.model_copy(update=untimed) for cell in evaluation.cells]


def report(folder: Path) -> object:
    whole = load_record(CodesignReport, folder / "codesign.json")
    return whole.model_copy(update={"command": ""})  # which names the folder


def files(*patterns: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        found = {path.name: path.read_bytes() for each in patterns for path in folder.glob(each)}
        assert found
        return found

    return read


VERBS = {
    "profile": Verb(
        ("profile", "--limit", "2", "--think-budget", "12", "--answer-budget", "4", "--chip",
         "v5e"), measured,
    ),
    "eval": Verb(
        ("eval", "--task", "chain:k=1-2", "--limit", "4", "--strategies", "greedy,sample:n=2",
         "--think-budget", "2,4", "--answer-budget", "4", "--slice", "v5e-1"), cells,
    ),
    "train": Verb(
        ("train", "--recipe", "tiny.toml", "--test-problems", "4"), files("model.safetensors")
    ),
    "explore": Verb(
        ("explore", "--model", "llama3-8b", "--slice", "v5e-8", "--slice", "v5p:2x2x2", "--think",
         "64,128,256,512", "--prompt", "64,128"), files("*.parquet", "_exploration.json"),
    ),
    "codesign": Verb(("codesign", "counted.json", "--slice", "v5e-4"), report),
    "compile": Verb(
        ("compile", "--model", "tiny", "--slice", "cpu", "--context", "48", "--think", "4"),
        compiled,
    ),
}  # fmt: skip


@cache
def place(root: Path) -> Path:
    """A folder with what the commands name."""
    root.mkdir(exist_ok=True)
    write_folder(root / "tiny", LLAMA, public_tensors(LLAMA))
    (root / "tiny.toml").write_text(RECIPE)
    records = Path(__file__).parents[2] / "fuzz" / "corpus" / "profiles"
    shutil.copy(records / "counted.json", root)
    return root


def started(verb: Verb, root: Path, out: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "rooflink", *verb.arguments, "--out", str(out)],
        cwd=root, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=os.environ | {"ROOFLINK_CACHE": str(root / "cache")}, start_new_session=True,
    )  # fmt: skip


@cache
def whole(name: str, root: Path) -> tuple[object, float]:
    """What the command comes to when nobody stops it, and how long it takes."""
    began_s = time.monotonic()
    process = started(VERBS[name], root, root / "whole" / name)
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said
    return VERBS[name].result(root / "whole" / name), time.monotonic() - began_s


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return place(tmp_path_factory.mktemp("signals") / "work")


@pytest.mark.slow
@pytest.mark.parametrize("number", KINDS, ids=lambda number: number.name)
@pytest.mark.parametrize("name", VERBS)
def test_what_is_finished_stays_and_the_rest_is_made_again(
    name: str, number: signal.Signals, root: Path, tmp_path: Path
) -> None:
    expected, takes_s = whole(name, root)
    moments = random.Random(f"{SEED} {name} {number}")
    print(f"SIGNALS_SEED={SEED}")
    for turn in range(TIMES):
        after_s = moments.uniform(0.2, takes_s)
        out = tmp_path / str(turn) / "run"
        process = started(VERBS[name], root, out)
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        _, said = process.communicate(timeout=LONGEST_S)
        where = f"{number.name} after {after_s:.2f} s of {takes_s:.2f}: {said[-400:]}"
        stopped = process.returncode != 0
        if number in CODES and stopped and after_s > 2:  # a Python that runs, not one that starts
            assert process.returncode == CODES[number], where
            lines = [line for line in said.splitlines() if not line.endswith(" ...")]
            assert len(lines) == 1, where
            assert lines[0].startswith("interrupted: "), where
        _require_usable(out, where)
        again = started(VERBS[name], root, out)
        _, said = again.communicate(timeout=LONGEST_S)
        assert again.returncode == 0, f"{where}, then {said}"
        assert VERBS[name].result(out) == expected, where


def _require_usable(out: Path, where: str) -> None:
    """Every JSON file is whole, and there is no folder for nothing."""
    for path in out.rglob("*.json"):
        if not path.name.startswith("."):
            json.loads(path.read_text())
    if (out / "profile.json").exists():
        load_profile(out)
    if "SIGKILL" not in where:
        assert not out.exists() or any(out.iterdir()), where
        hidden = [path.name for path in out.rglob(".*")]
        assert hidden == [], where
