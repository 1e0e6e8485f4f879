"""Strategies by name."""

import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.strategies.base import Cached
from rooflink.model.strategies.parallel import SelfConsistency
from rooflink.model.strategies.registry import STRATEGIES, parse_strategy, strategy_summaries
from rooflink.model.strategies.sampling import Greedy, Sample
from rooflink.model.strategies.verifiers import MeanLogprob


@pytest.mark.parametrize("kind", STRATEGIES)
def test_every_name_gives_its_strategy(kind: type) -> None:
    assert type(parse_strategy(kind.name)) is kind
    assert strategy_summaries()[kind.name].startswith(kind.summary)


def test_settings_are_read() -> None:
    found = parse_strategy("self-consistency: n=8, temperature=0.7, top_k=none, weighted=true")
    assert found == SelfConsistency(n=8, temperature=0.7, weighted=True)
    assert parse_strategy("sample:top_p=0.5,top_k=3") == Sample(top_p=0.5, top_k=3)
    assert parse_strategy("cached+greedy") == Cached(Greedy())


def test_verifiers_by_name() -> None:
    other = MeanLogprob()
    found = parse_strategy("best-of-n:verifier=mine", {"mine": other})
    assert getattr(found, "verifier") is other  # noqa: B009


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("self-consistancy", "no strategy 'self-consistancy': did you mean self-consistency or "),
        ("magic", "no strategy 'magic': choose from direct, greedy"),
        ("sample:temprature=1", "sample: there is no setting 'temprature': did you mean temp"),
        ("greedy:n=3", "greedy: there is no setting 'n': it takes no settings"),
        ("beam:width=2,width=3", "beam: the setting 'width' is given twice: keep one"),
        ("beam:width=\u0663", "beam: width must be a whole number, got '\u0663'"),
        (
            "sample:temperature=\u0660.\u0665",
            "sample: temperature must be a number, got '\u0660.\u0665'",
        ),
        ("sample:n=many", "sample: n must be a whole number, got 'many'"),
        ("sample:n=2.5", "sample: n must be a whole number, got '2.5'"),
        ("sample:temperature=hot", "sample: temperature must be a number, got 'hot'"),
        ("self-consistency:weighted=maybe", "weighted must be true or false, got 'maybe'"),
        ("best-of-n:verifier=judge", "best-of-n: there is no verifier 'judge'"),
        ("sample:n=0", "sample: n must be from 1 to 10000, got 0"),
        ("best-of-n:n=99999999999", "best-of-n: n must be from 1 to 10000"),
        (f"sample:n={'9' * 5000}", "sample: n must be a whole number"),
        ("early-stop:sure=nan", "early-stop: sure must be a number, got 'nan'"),
        ("cached+" * 2000 + "greedy", "stands before a strategy once"),
        ("sample:temperature=-1", "temperature must be above 0"),
        ("adaptive-consistency:sure=1", "sure must be between 0 and 1, got 1.0"),
        ("beam:step=0", "beam: step must be at least 1, got 0"),
        ("cached+magic", "no strategy 'magic'"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(ModelInputError, match=message.replace("?", r"\?").replace("+", r"\+")):
        parse_strategy(text)
