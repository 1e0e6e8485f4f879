"""The embedded reasoner says what it said before plain profiles ran on strategies' sessions."""

import json
from pathlib import Path

import pytest

from rooflink.model.generation.engine import Engine
from rooflink.model.generation.generate import generate
from rooflink.model.sampling import sampler
from rooflink.model.tasks import parse_task
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.workload import Request, answer_format_of, plan

RUNS = json.loads(Path(__file__).with_name("reasoner_tokens.json").read_text())
TEMPERATURES = {"temperature=0.6": 0.6, "temperature=0": 0.0}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['sampling']}@{run['think_budget']}")
def test_same_seed_same_tokens(run: dict) -> None:
    """Three attempts at three sums, thoughts that close themselves and thoughts that are cut."""
    subject = resolve_subject("reasoner", "own", None)
    problems = parse_task("sum:n=6").problems("test", 3, 0)
    draws = sampler(TEMPERATURES[run["sampling"]])
    planned = plan(subject, Request(problems, 3, run["think_budget"], 8, draws))
    answer_format = answer_format_of(subject.tokenizer, planned.rules)
    engine = Engine(subject.load(0, 0), answer_format, run["seed"], lean=True)
    attempts = generate(engine, planned.batches[0], draws, 3)
    assert [
        {"prompt": a.question, "attempt": a.index, "thought": [*a.thought], "answer": [*a.answer],
         "forced_tokens": a.forced_tokens, "stop": a.stop.name}
        for a in attempts
    ] == run["attempts"]  # fmt: skip
