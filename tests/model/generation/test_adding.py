"""The strategy that ADDING.md writes as an example: it is one, and it answers."""

import re
from pathlib import Path

import pytest
from generation import answer_all

import rooflink.model.strategies.parallel as neighbour
from rooflink.model.strategies import registry
from rooflink.model.strategies.base import Sampling, Strategy

from .languages import PROMPTS, random_engine

GUIDE = Path(__file__).parents[3] / "profiling" / "evaluation" / "ADDING.md"


def test_the_examples_strategy_answers_by_its_likelier_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    names = {**vars(neighbour), "Sampling": Sampling}
    exec(compile(block, str(GUIDE), "exec"), names)
    monkeypatch.setattr(registry, "STRATEGIES", (*registry.STRATEGIES, names["SecondOpinion"]))
    strategy: Strategy = registry.parse_strategy("second-opinion")
    answered = answer_all(strategy, random_engine(), PROMPTS)
    assert len(answered) == len(PROMPTS)
    assert all(len(one.attempts) == 2 for one in answered)
