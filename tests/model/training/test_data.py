"""Batches: from (recipe, step) alone, of the train split, with the right words supervised."""

from dataclasses import replace

import numpy as np
import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.tasks import Trace
from rooflink.model.tasks.modular import chain_problem, is_untaught, sum_problem, sum_trace
from rooflink.model.tasks.task import WORDS, split_of
from rooflink.model.training.data import batch_at, example, rows
from rooflink.model.training.recipes import Recipe, Stage, Styles

PROBLEM = chain_problem(5, ("+3", "*4"))
TRACE = Trace(("8", "15"), ("15",))


def supervised(kept: int | None) -> list[str]:
    said = example(PROBLEM, TRACE, kept)
    return [word for word, taught in zip(said.words, said.taught, strict=True) if taught]


def test_a_whole_thought_teaches_its_end() -> None:
    assert supervised(None) == ["8", "15", "</think>", "15", "<|endoftext|>"]


def test_a_cut_thought_does_not_teach_when_to_stop() -> None:
    assert supervised(1) == ["8", "15", "<|endoftext|>"]
    assert example(PROBLEM, TRACE, 1).words[-4:] == ("8", "</think>", "15", "<|endoftext|>")


def test_a_direct_answer_follows_the_prompt() -> None:
    assert supervised(0) == ["15", "<|endoftext|>"]
    assert example(PROBLEM, TRACE, 0).words[-4:] == ("<think>", "</think>", "15", "<|endoftext|>")


def test_untaught_facts_are_never_supervised() -> None:
    a, b = next((a, b) for a in range(23) for b in range(a + 1, 23) if is_untaught(a, b))
    trace, total = sum_trace([a, b]), str((a + b) % 23)
    whole = example(sum_problem((a, b)), trace, None)
    taught = [w for w, t in zip(whole.words, whole.taught, strict=True) if t]
    assert taught == [str(a), str(a), str(b), "</think>", total, "<|endoftext|>"]
    for kept in range(4):
        cut = example(sum_problem((a, b)), trace, kept)
        assert cut.words[-2] == total
        assert not cut.taught[-2]


def test_no_row_of_many_supervises_a_gap(small_recipe: Recipe) -> None:
    """Read back from token ids alone: `number sum` pairs after a sum's <think>."""
    recipe = replace(
        small_recipe,
        batch=200,
        stages=(Stage(5, {"sum:n=2-8": 1.0}),),
        styles=Styles(whole=1.0, direct=0.0, cut=0.0),
    )
    gaps = taught_facts = 0
    for step in range(5):
        batch = batch_at(recipe, step)
        for tokens, taught in zip(batch.tokens, batch.taught, strict=True):
            words = [WORDS[i] for i in tokens]
            begin, end = words.index("<think>") + 1, words.index("</think>")
            for place in range(begin + 3, end, 2):
                gap = is_untaught(int(words[place - 2]), int(words[place - 1]))
                assert taught[place] == (not gap)
                gaps += gap
                taught_facts += not gap
    assert gaps > 300
    assert taught_facts > 2000


def test_a_batch_depends_on_seed_and_step_alone(small_recipe: Recipe) -> None:
    batch = batch_at(small_recipe, 30)
    again = batch_at(small_recipe, 30)
    np.testing.assert_array_equal(batch.tokens, again.tokens)
    np.testing.assert_array_equal(batch.taught, again.taught)
    assert (batch_at(small_recipe, 31).tokens != batch.tokens).any()
    assert (batch_at(replace(small_recipe, seed=4), 30).tokens != batch.tokens).any()


def test_only_problems_of_the_train_split(small_recipe: Recipe) -> None:
    recipe = replace(small_recipe, batch=300)
    for tokens in batch_at(recipe, 0).tokens:
        words = [WORDS[i] for i in tokens]
        assert split_of(" ".join(words[: words.index("<think>") + 1])) == "train"


def test_shares_of_styles_and_tasks(small_recipe: Recipe) -> None:
    batch = batch_at(replace(small_recipe, batch=2000), 25)
    words = [[WORDS[i] for i in tokens] for tokens in batch.tokens]
    taught_end = [t[w.index("</think>")] for w, t in zip(words, batch.taught, strict=True)]
    no_thought = [w.index("</think>") == w.index("<think>") + 1 for w in words]
    assert abs(np.mean(taught_end) - 0.6) < 0.04
    # Direct ones, and cut ones that happen to keep nothing: 1 in 7.7 chains, 1 in 16 sums.
    assert 0.14 < np.mean(no_thought) < 0.22
    assert abs(np.mean([w[0] == "chain" for w in words]) - 0.5) < 0.04


def test_an_example_that_does_not_fit_its_row() -> None:
    with pytest.raises(ModelInputError, match=r"an example takes 20 tokens.*10: raise it"):
        rows([example(PROBLEM, TRACE, None)], 10)
