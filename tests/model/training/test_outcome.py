"""The outcome reward model: what its loss is, what it teaches, and that strategies can use it."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from rooflink.model.config import ModelInputError
from rooflink.model.generation.engine import Engine, Questions
from rooflink.model.generation.generate import think_and_answer
from rooflink.model.generation.session import open_session
from rooflink.model.generation.session_edits import feed
from rooflink.model.generation.stopping import AnswerFormat, thought_rules
from rooflink.model.reward_model import (
    HEAD,
    Head,
    TrainedVerifier,
    initial_head,
    load_head,
    open_verifier,
    save_head,
)
from rooflink.model.sampling import Temperature
from rooflink.model.strategies.verifiers import HeadVerifier
from rooflink.model.tasks import parse_task
from rooflink.model.tasks.task import END_OF_THOUGHT
from rooflink.model.training.model_folder import open_start, write_folder
from rooflink.model.training.recipes import AdamW
from rooflink.model.training.reward_training import (
    Judge,
    ends,
    head_updates,
    judge_updates,
    outcome_loss,
)
from rooflink.model.training.rollout import ANSWER_BUDGET
from rooflink.model.training.updates import optimizer
from rooflink.model.transformer import Transformer

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
        shared, _ = head_updates(shared, [(hidden, RIGHT)], transform.update)
        own, _ = judge_updates(own, [(TOKENS, LENGTHS, RIGHT)], transform.update)
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
    engine = Engine(start.model, AnswerFormat(rules, start.tokenizer.decode), seed=5)
    session = open_session(engine, Questions(prompts, range(4)), 3)
    attempts = think_and_answer(session, Temperature(1.0))
    scores = HeadVerifier(head).scores(session, session.alive)
    texts = [
        [*prompt, *attempt.emitted]
        for prompt, of_prompt in zip(prompts, attempts, strict=True)
        for attempt in of_prompt
    ]
    padded = np.array([[*text, *[0] * (40 - len(text))] for text in texts], np.int32)
    whole = head(ends(start.model, padded, np.array(list(map(len, texts)))))
    np.testing.assert_allclose(scores.ravel(), whole, atol=1e-4)


def written_verifier(folder: Path, trunk: Transformer, seed: int = 3) -> TrainedVerifier:
    """A verifier's folder as training writes it, with a head that tells attempts apart."""
    write_folder(folder, trunk)
    outward = jax.random.normal(jax.random.key(seed), (16,))
    save_head(folder, replace(initial_head(trunk.config.embed_dim, 16, 0), outward=outward))
    return open_verifier(folder, "float32", open_start("reasoner").tokenizer)


def test_a_trained_verifier_scores_alike_on_states_at_hand_and_on_its_own_trunk(
    tmp_path: Path,
) -> None:
    """The same head and weights: one token read by each attempt, or the prompt and all of it."""
    start = open_start("reasoner")
    trained = written_verifier(tmp_path, start.model)
    head = trained.on(start.model)
    assert isinstance(head, HeadVerifier)
    rules = thought_rules(start.tokenizer, END_OF_THOUGHT, 20, ANSWER_BUDGET)
    problems = parse_task("countdown:n=3").problems("test", 2)
    prompts = [start.tokenizer.encode(str(problem.notation)) for problem in problems]
    engine = Engine(start.model, AnswerFormat(rules, start.tokenizer.decode), seed=5)
    session = open_session(engine, Questions(prompts, range(2)), 2)
    attempts = think_and_answer(session, Temperature(1.0))
    at_hand = head.scores(session, session.alive)
    anew = trained.scores(session, session.alive)
    np.testing.assert_allclose(at_hand, anew, atol=1e-4)
    assert at_hand.std() > 0
    one, prompt, whole = session.log.of_phase("verify")
    assert {record.model for record in (one, prompt, whole)} == {"verifier"}
    assert one.tokens.sum() == 4
    assert (prompt.tokens.sum(), prompt.heads.sum()) == (sum(map(len, prompts)), 0)
    said = [len(attempt.emitted) for of_prompt in attempts for attempt in of_prompt]
    assert (whole.tokens.sum(), whole.heads.sum()) == (sum(said), 4)
    np.testing.assert_allclose(head.scores(session, session.alive), at_hand, atol=1e-4)


def test_a_row_that_has_read_all_it_said_is_scored_and_one_that_said_nothing_gets_no_score(
    tmp_path: Path,
) -> None:
    """A thought that ended the text has nothing unread: its last token is read once more."""
    start = open_start("reasoner")
    head = written_verifier(tmp_path, start.model).on(start.model)
    rules = thought_rules(start.tokenizer, END_OF_THOUGHT, 20, ANSWER_BUDGET)
    prompt = start.tokenizer.encode("chain 3 +1 _ _ _ _ _ _ _ _ _ _ <think>")
    engine = Engine(start.model, AnswerFormat(rules, start.tokenizer.decode))
    session = open_session(engine, Questions([prompt], range(1)), 2)
    first = np.array([[True, False]])
    assert head.scores(session, session.alive).tolist() == [[0.0, 0.0]]
    feed(session, (7, 8), "think", first)
    scores = head.scores(session, session.alive)
    text = np.array([[*prompt, 7, 8]], np.int32)
    expected = head.head(ends(start.model, text, np.array([text.shape[1]])))
    np.testing.assert_allclose(scores[0, 0], expected[0], atol=1e-4)
    assert scores[0, 1] == 0
    feed(session, (9,), "think", first)
    assert session.log.of_phase("think")[-1].tokens.tolist() == [[[2, 0]]], "8 and 9"


def test_what_is_no_verifiers_folder(tmp_path: Path) -> None:
    start = open_start("reasoner")
    trained = written_verifier(tmp_path / "good", start.model)
    assert trained.reads(start.model)
    other = written_verifier(tmp_path / "other", start.model, seed=4)
    assert trained.digest != other.digest
    with pytest.raises(ModelInputError, match=r"--method verifier` writes one"):
        open_verifier(tmp_path / "nowhere", "float32", start.tokenizer)
    with pytest.raises(ModelInputError, match="reads other tokens"):
        open_verifier(tmp_path / "good", "float32", None)
    (tmp_path / "good" / HEAD).write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelInputError, match="damaged"):
        open_verifier(tmp_path / "good", "float32", start.tokenizer)
    save_file({"x": np.zeros(2)}, tmp_path / "other" / HEAD)
    with pytest.raises(ModelInputError, match="that holds a verifier's head"):
        open_verifier(tmp_path / "other", "float32", start.tokenizer)


def test_a_folder_without_a_verifier(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match=r"--method verifier` writes one"):
        load_head(tmp_path, 8)
    save_head(tmp_path, initial_head(8, 4, 0))
    with pytest.raises(ModelInputError, match="a checkpoint of another model"):
        load_head(tmp_path, 16)
