"""The outcome reward model: what its loss is, what it teaches, and that strategies can use it."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.errors import ModelInputError
from rooflink.model.reasoning.engine import Engine, Questions
from rooflink.model.reasoning.opening import open_session
from rooflink.model.reasoning.phases import think_and_answer
from rooflink.model.reasoning.verifier import HeadVerifier
from rooflink.model.reasoning.wording import Wording
from rooflink.model.sampling import Temperature
from rooflink.model.tasks import parse_task
from rooflink.model.tasks.notation import END_OF_THOUGHT
from rooflink.model.thought_rules import thought_rules
from rooflink.model.training.optimizer import optimizer
from rooflink.model.training.outcome import (
    Head,
    initial_head,
    load_head,
    outcome_loss,
    save_head,
)
from rooflink.model.training.recipe import AdamW
from rooflink.model.training.rollout import ANSWER_BUDGET
from rooflink.model.training.start import open_start
from rooflink.model.training.verifier_run import Judge, ends, head_update, judge_update

TOKENS = np.array([[5, 9, 2, 60, 3, 0], [6, 1, 1, 0, 0, 0]], np.int32)
LENGTHS = np.array([5, 3])
RIGHT = np.array([1.0, 0.0], np.float32)
SETTINGS = AdamW(learning_rate=1e-2, warmup_steps=1, weight_decay=0.0, clip_norm=1.0)


def test_a_new_head_is_undecided_and_its_loss_is_that_of_a_coin() -> None:
    head, hidden = initial_head(8, 4, seed=0), jax.random.normal(jax.random.key(1), (2, 8))
    np.testing.assert_array_equal(head(hidden), [0.5, 0.5])
    assert float(outcome_loss(head, hidden, jnp.array(RIGHT))) == pytest.approx(np.log(2))


def test_the_head_by_hand() -> None:
    """States (3, 4): the mean square is 12.5. One unit x = 3 / sqrt(12.5) + 1, weight 2."""
    head = Head(jnp.array([[1.0], [0.0]]), jnp.array([1.0]), jnp.array([2.0]))
    x = 3 / 12.5**0.5 + 1
    logit = 2 * x / (1 + np.exp(-x))
    assert float(head.logit(jnp.array([3.0, 4.0]))) == pytest.approx(logit, rel=1e-5)


def test_the_last_state_is_that_of_the_row_read_alone() -> None:
    model = open_start("reasoner").model
    found = ends(model, TOKENS, LENGTHS)
    alone = ends(model, TOKENS[1:, :3], np.array([3]))
    np.testing.assert_allclose(found[1], alone[0], atol=1e-5)


def test_a_shared_trunk_is_not_taught_and_an_own_one_is() -> None:
    start, transform = open_start("reasoner"), optimizer(SETTINGS, 10)
    head = initial_head(start.model.config.embed_dim, 4, seed=0)
    hidden = ends(start.model, TOKENS, LENGTHS)
    init = jax.jit(transform.init)
    shared = Judge(head, start.model, init(head))
    own = Judge(head, start.model, init((head, start.model)))
    for _ in range(3):
        shared, _ = head_update(shared, hidden, RIGHT, transform.update)
        own, _ = judge_update(own, TOKENS, LENGTHS, RIGHT, transform.update)
    assert (shared.head.outward != head.outward).any()
    assert (own.head.outward != head.outward).any()
    pairs = zip(jax.tree.leaves(shared.trunk), jax.tree.leaves(start.model), strict=True)
    assert all((mine == theirs).all() for mine, theirs in pairs)
    pairs = zip(jax.tree.leaves(own.trunk), jax.tree.leaves(start.model), strict=True)
    assert any((mine != theirs).any() for mine, theirs in pairs)


def test_strategies_score_with_a_head_read_back_from_its_file(tmp_path: Path) -> None:
    """`HeadVerifier` on cached states agrees with a pass over each whole text."""
    start = open_start("reasoner")
    width = start.model.config.embed_dim
    key = jax.random.key(3)
    save_head(tmp_path, replace(initial_head(width, 16, 0), outward=jax.random.normal(key, (16,))))
    head = load_head(tmp_path, width)
    rules = thought_rules(start.tokenizer, END_OF_THOUGHT, 20, ANSWER_BUDGET)
    problems = parse_task("countdown:n=3").problems("test", 4)
    prompts = [start.tokenizer.encode(str(problem.notation)) for problem in problems]
    engine = Engine(start.model, Wording(rules, start.tokenizer.decode), seed=5)
    session = open_session(engine, Questions(prompts, range(4)), 3)
    attempts = think_and_answer(session, Temperature(1.0))
    scores = HeadVerifier(head).scores(session, session.alive)
    texts = [
        [*prompt, *attempt.said]
        for prompt, of_prompt in zip(prompts, attempts, strict=True)
        for attempt in of_prompt
    ]
    padded = np.array([[*text, *[0] * (40 - len(text))] for text in texts], np.int32)
    whole = head(ends(start.model, padded, np.array(list(map(len, texts)))))
    np.testing.assert_allclose(scores.ravel(), whole, atol=1e-4)


def test_a_folder_without_a_verifier(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match=r"--method verifier` writes one"):
        load_head(tmp_path, 8)
    save_head(tmp_path, initial_head(8, 4, 0))
    with pytest.raises(ModelInputError, match="a checkpoint of another model"):
        load_head(tmp_path, 16)
