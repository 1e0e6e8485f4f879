"""Drafts: what acceptance means by its name, what a step with them costs, and published gains."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooflink.model.config import ModelInputError
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.predict import held_by_a_chip
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice, query_of
from rooflink.profiling.predicted.speculative import (
    MOST_DRAFTS,
    accepted_by_conditional,
    accepted_by_marginal,
    parse_speculation,
)
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.records import Prediction
from rooflink.tpu_configs.slice import parse_slice

LLAMA = named_shape("llama3-8b")
SHORT = Lengths(1.0, 1.0, 100.0, 0.0, 300.0)
H100 = parse_slice("h100")


def predicted(drafts: str | None, model: str = "llama3-8b", where: str = "h100",
              batch: int = 1, **changes: object) -> Prediction:  # fmt: skip
    named = named_shape(model)
    request = PredictionRequest(
        named,
        replace(SHORT, prompts=float(batch)),
        stack="vLLM",
        speculation=None if drafts is None else parse_speculation(drafts, named),
    )
    return predict_on_slice(replace(request, **changes), parse_slice(where))


def gain(drafts: str, **options: object) -> float:
    """Times faster, per output token, than without drafts."""
    without, drafted = predicted(None, **options), predicted(drafts, **options)
    return without.tpot_s.median / drafted.tpot_s.median


def test_the_names_of_a_rate_are_different_numbers() -> None:
    """EAGLE-3 for Llama-3.1-8B on GSM8K, 3 drafts: 2.3792 tokens a step by its marginal rates
    (SpecDecode-Bench, walked); and the sum of the textbook's geometric series."""
    assert accepted_by_marginal([0.6687, 0.4338, 0.2768]) == pytest.approx(2.3793)
    assert accepted_by_conditional(0.5, 4) == pytest.approx((1 - 0.5**5) / (1 - 0.5))
    assert accepted_by_conditional(1.0, 12) == 13
    stated = {
        "drafts=3,marginal=0.6687/0.4338/0.2768": 2.3793,
        "drafts=4,marginal=0.5": 3.0,
        "drafts=4,conditional=0.5": 1.9375,
        "drafts=4,accepted=2.4": 2.4,
    }
    for text, tokens in stated.items():
        assert parse_speculation(text, LLAMA).accepted_tokens == pytest.approx(tokens)


@given(st.integers(1, MOST_DRAFTS), st.floats(0, 1), st.sampled_from(["marginal", "conditional"]))
def test_a_step_yields_its_own_token_and_no_more_than_all_drafts(
    drafts: int, rate: float, name: str
) -> None:
    found = parse_speculation(f"drafts={drafts},{name}={rate}", LLAMA)
    assert 1 <= found.accepted_tokens <= drafts + 1 + 1e-9
    more = parse_speculation(f"drafts={drafts},{name}={min(rate * 1.1, 1)}", LLAMA)
    assert more.accepted_tokens >= found.accepted_tokens


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drafts=4,0.7", "name the acceptance, marginal="),
        ("drafts=4,rate=0.7", "name the acceptance, marginal="),
        ("drafts=4", "name the acceptance, marginal="),
        ("drafts=4,marginal=0.5,conditional=0.5", "name the acceptance, marginal="),
        ("drafts=4,conditional=0.7,draft=eagle,x=1", "expected the drafts of a step"),
        ("drafts=4,drafts=4,conditional=0.7", "expected the drafts of a step"),
        ("conditional=0.7", "expected drafts from 1 to 100"),
        ("drafts=0,conditional=0.7", "expected drafts from 1 to 100"),
        ("drafts=-1,conditional=0.7", "expected drafts from 1 to 100"),
        ("drafts=\u0664,conditional=0.7", "expected drafts from 1 to 100"),
        ("drafts=99999999999999999999,conditional=0.7", "expected drafts from 1 to 100"),
        ("drafts=4,conditional=1.1", "conditional is not from 0 to 1"),
        ("drafts=4,conditional=nan", "conditional is not from 0 to 1"),
        ("drafts=4,conditional=0.7/0.6", "conditional is one number"),
        ("drafts=4,accepted=5.5", "accepted is not from 1 to 5"),
        ("drafts=4,accepted=x", "accepted is no number"),
        ("drafts=4,marginal=0.7/0.5", "2 marginal rates for 4 drafts"),
        ("drafts=2,marginal=0.5/0.7", "a marginal rate rises"),
        ("drafts=2,accepted=1.5,draft=mtp", "has no layers that predict later tokens"),
    ],
)
def test_bad_drafts_are_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ProfileInputError, match=r"--speculate|draft=mtp") as refused:
        parse_speculation(text, LLAMA)
    assert said in str(refused.value)


def test_a_draft_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelInputError, match="unknown model 'llama9'"):
        parse_speculation("drafts=2,accepted=1.5,draft=llama9", LLAMA)


@pytest.mark.parametrize(
    ("drafts", "accepted", "stated"),
    [(2, 2.10, 1.618), (3, 2.29, 1.648), (4, 2.39, 1.578), (5, 2.43, 1.501), (7, 2.47, 1.36)],
)
def test_eagle_gains_what_was_published(drafts: int, accepted: float, stated: float) -> None:
    """EAGLE for Llama-3.1-8B, batch 1, TPOT 7.07 ms without: github.com/vllm-project/vllm/issues/
    20780. Without the cost of drafts each would gain its accepted length."""
    found = gain(f"drafts={drafts},accepted={accepted}")
    assert stated / 1.25 < found < stated * 1.25
    assert found < accepted


def test_more_drafts_than_the_best_gain_less() -> None:
    """EAGLE-3, the same source: 1.75 times at 4 drafts, 1.65 at 7."""
    lengths = {2: 2.36, 3: 2.79, 4: 3.08, 5: 3.32, 6: 3.46, 7: 3.54}
    gains = {n: gain(f"drafts={n},accepted={length}") for n, length in lengths.items()}
    assert max(gains, key=gains.__getitem__) in (3, 4, 5)
    assert gains[7] < max(gains.values())
    assert 1.746 / 1.35 < gains[4] < 1.746 * 1.35


@pytest.mark.parametrize(
    ("batch", "drafts", "stated"), [(1, 12, 10.5), (8, 12, 5.27), (32, 16, 3.5)]
)
def test_drafts_that_are_always_right_gain_less_in_a_batch(
    batch: int, drafts: int, stated: float
) -> None:
    """Qwen3-8B, replayed outputs as drafts: gist jiangLLM/e95756b974f385846e4277b7ee68d6c8."""
    found = gain(f"drafts={drafts},conditional=1,draft=ngram", model="qwen3-8b", batch=batch)
    assert stated / 1.7 < found < stated * 1.7


def test_experts_gain_less() -> None:
    """The positions of a verification need experts of their own, so it reads more weights."""
    said = "drafts=4,conditional=0.7,draft=ngram"
    dense = gain(said, ideal=True, batch=4, where="h100")
    mixture = gain(said, ideal=True, batch=4, model="qwen3-30b-a3b", where="h100")
    assert mixture < 0.75 * dense


def test_drafts_that_are_never_right_cost_and_better_ones_never_less() -> None:
    times = [predicted(f"drafts=4,conditional={rate}").tpot_s.median for rate in (0, 0.3, 0.6, 1)]
    assert times == sorted(times, reverse=True)
    assert times[0] > predicted(None).tpot_s.median


def test_ideal_drafts_by_hand() -> None:
    """Llama-3-8B on an H100 at its bandwidth, ngram drafts: the weights and the cache once, and
    KV of 5 positions written and read, for 2.5 tokens."""
    found = predicted("drafts=4,accepted=2.5,draft=ngram", ideal=True).phases[2]
    plain = predicted(None, ideal=True).phases[2]
    assert found.steps == pytest.approx(plain.steps / 2.5)
    assert found.flops / found.steps == pytest.approx(5 * plain.flops / plain.steps, rel=0.01)
    assert found.memory_bytes / found.steps == pytest.approx(
        plain.memory_bytes / plain.steps, rel=0.01
    )


def test_a_draft_takes_its_room() -> None:
    request = PredictionRequest(LLAMA, SHORT)
    alone = held_by_a_chip(query_of(request, H100))
    drafted = replace(request, speculation=parse_speculation(
        "drafts=4,accepted=2,draft=smollm2-135m", LLAMA))  # fmt: skip
    both = held_by_a_chip(query_of(drafted, H100))
    draft = named_shape("smollm2-135m").shape
    assert both.weight_bytes - alone.weight_bytes == pytest.approx(2 * draft.parameters, rel=0.01)
    assert both.largest_batch < alone.largest_batch


@pytest.mark.parametrize("name", ["deepseek-r1", "minimax-m2", "qwen3.5-27b"])
def test_layers_that_draft_are_held_as_the_model_has_them(name: str) -> None:
    """At two bytes a parameter, of which each of eight chips has an eighth; MiniMax-M2 has three
    such layers."""
    model, over = named_shape(name), parse_slice("b200-8")
    request = PredictionRequest(model, SHORT, split=Parallelism(tensor=8))
    drafts = parse_speculation("drafts=1,accepted=1.8,draft=mtp", model)
    alone, drafted = (held_by_a_chip(query_of(replace(request, speculation=each), over))
                      for each in (None, drafts))  # fmt: skip
    added = drafted.weight_bytes - alone.weight_bytes
    assert added == pytest.approx(model.shape.mtp_parameters * 2 / 8)
