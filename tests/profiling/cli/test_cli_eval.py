"""`rooflink eval`: its folder, its errors."""

import json
from pathlib import Path

import pytest

from rooflink.profiling.jobs.evaluate_job import EvaluateJob

from .conftest import Command

RUN = ("eval", "--task", "chain:k=1-2", "--limit", 8, "--strategies", "greedy", "--think-budget", 4,
       "--answer-budget", 4, "--attempts", "1,2", "--slice", "v5e-1")  # fmt: skip


def test_a_run_and_its_folder(rooflink: Command) -> None:
    assert rooflink(*RUN, "--out", "here").code == 0
    files = {path.name for path in Path("here").iterdir()}
    assert {"evaluation.json", "report.md", "report.html", "charts", "cells"} <= files
    assert any(name.startswith("events.out.tfevents") for name in files)
    record = json.loads(Path("here/evaluation.json").read_text())
    cells = [(cell["strategy"], cell["budget"]) for cell in record["cells"]]
    assert cells == [("greedy", 4), ("sample:n=2", 4)]
    again = json.loads(rooflink(*RUN, "--out", "here", "--json").out)
    assert again["cells"] == record["cells"], "kept, time and all"


def test_a_log_from_elsewhere(rooflink: Command) -> None:
    rows = [{"problem": "p", "answer": str(n), "expected": "1", "prompt_tokens": 9,
             "completion_tokens": 5} for n in (1, 2)]  # fmt: skip
    Path("log.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = rooflink(
        "eval", "--attempts-log", "log.jsonl", "--model", "llama3-8b", "--slice", "v5e-4"
    )
    assert found.code == 0
    (folder,) = Path("runs").glob("eval-llama3-8b-log-0-*")
    assert (folder / "report.html").exists()
    record = json.loads((folder / "evaluation.json").read_text())
    (cell,) = record["cells"]
    assert [row["slice"] for row in cell["slices"]] == ["v5e:2x2"]
    assert cell["attempts"][0]["coverage"]["value"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "chess"), "no task called 'chess'"),
        (("--strategies", "gredy"), "did you mean greedy"),
        (("--think-budget", "4,x"), "--think-budget is 'x'"),
        (("--attempts", "0,2"), "--attempts must be"),
        (("--budget", "watts=3"), "--budget is 'watts=3'"),
        (("--slice", "v99-1"), "v99"),
        (("--model", "no-such-model"), "no weights called"),
        (("--attempts-log", "nothing.jsonl", "--model", "llama3-8b"), "no attempts log"),
        (("--attempts-log", "nothing.jsonl", "--model", "lama3"), "unknown model"),
        (("--task", "bundled",), "reads nothing but its notation"),
        (("--price", "cheap"), "unknown price"),
        (("--verifier", "somewhere"), "no verifier.safetensors in somewhere"),
        (("--attempts-log", "x.jsonl", "--verifier", "somewhere"), "leave one of the two out"),
        (("--attempts-log", "x.jsonl", "--task", "sum:n=2"), "--task cannot be given with"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(
    rooflink: Command, arguments: tuple[str, ...], said: str
) -> None:
    found = rooflink("eval", *arguments)
    assert found.code == 2
    assert said in found.err
    assert "Traceback" not in found.err
    assert not Path("runs").exists()


def test_other_options_have_another_folder() -> None:
    """So that no run is written over that the same command would not go on with."""
    options: list[dict[str, object]] = [
        {}, {"strategies": "direct"}, {"strategies": "greedy"}, {"limit": 5}, {"seed": 1},
        {"task": "sum:n=2"}, {"task": "sum:n=2", "think_budget": (4,)},
    ]  # fmt: skip
    names = [EvaluateJob(**each).default_out().name for each in options]
    assert len(set(names)) == len(names)
    assert names[5] == "eval-reasoner-sum-n-2-0"
    assert not [name for name in names if "=" in name]
    assert EvaluateJob(limit=5, out="elsewhere").default_out().name == names[3]
