"""Evaluation of the embedded reasoner on a few short problems: figures, resumption, limits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest

from rooflink.model.reward_model import TrainedVerifier, initial_head, open_verifier, save_head
from rooflink.model.tasks import parse_task
from rooflink.model.training.model_folder import open_start, write_folder
from rooflink.profiling.counted.unit_costs import unit_costs, verifier_costs
from rooflink.profiling.errors import ProfileInputError, Watcher
from rooflink.profiling.evaluation.budgets import parse_budget
from rooflink.profiling.evaluation.evaluate import Runner, evaluate
from rooflink.profiling.evaluation.grid import Grid, Place, places_of
from rooflink.profiling.jobs.evaluate_job import split_strategies
from rooflink.profiling.measured.run import WarmClock
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.records.evaluation import Cell, Evaluation
from rooflink.tpu_configs.slice import parse_slice

TASK = parse_task("chain:k=1-2")
CLOCKS = {"time_per_question_s", "timed_questions"}


def grid(strategies: str = "greedy", ks: tuple[int, ...] = (1, 2), **settings: Any) -> Grid:
    return Grid(
        subject=resolve_subject("reasoner", "own", None),
        task=TASK,
        problems=TASK.problems("test", 8, 0),
        places=places_of(split_strategies(strategies), [4], ks),
        ks=ks,
        answer_budget=4,
        **{"slices": [parse_slice("v5e-1")], **settings},
    )


def figures(found: Evaluation) -> list[dict[str, Any]]:
    """All that does not depend on the clock."""
    return [cell.model_dump(exclude=CLOCKS) for cell in found.cells]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(grid(), tmp_path_factory.mktemp("whole"))


def test_the_reasoner_thinks_its_way_to_the_answer(evaluation: Evaluation) -> None:
    """Chains of one or two operations fit a budget of 4 tokens: all are right."""
    greedy, sample = evaluation.cells
    assert (greedy.label, greedy.accuracy.value) == ("greedy @4", 1.0)
    assert sample.strategy == "sample:n=2"
    assert [point.k for point in sample.attempts] == [1, 2]
    assert evaluation.guess_rate == pytest.approx(1 / 17)


def test_what_a_cell_says_of_itself_agrees(evaluation: Evaluation) -> None:
    for cell in evaluation.cells:
        ledgers = [question.ledger for question in cell.questions if question.ledger]
        assert sum(ledger.flops for ledger in ledgers) == sum(p.counted.flops for p in cell.phases)
        moved = sum(phase.counted.hbm_bytes.total for phase in cell.phases)
        assert sum(ledger.hbm_bytes for ledger in ledgers) == pytest.approx(moved)
        (cost,) = cell.slices
        usd = [entry.usd for ledger in ledgers for entry in ledger.entries]
        assert cost.amounts.usd is not None
        assert sum(each or 0.0 for each in usd) / 8 == pytest.approx(cost.amounts.usd.median)
        assert cost.per_correct is not None
        assert cost.per_correct.usd is not None
        assert cost.per_correct.usd.median == pytest.approx(
            cost.amounts.usd.median * 8 / cell.correct
        )


def test_all_attempts_cost_what_the_cell_does(evaluation: Evaluation) -> None:
    """The point at the most attempts is the cell; one attempt costs less than two, not half."""
    sample = evaluation.cells[1]
    one, two = sample.attempts
    whole = sum(phase.counted.flops for phase in sample.phases) / 8
    assert two.flops == pytest.approx(whole)
    assert one.flops is not None
    assert whole / 2 < one.flops < whole


def test_a_killed_run_ends_with_the_same_result(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    run = Runner.run

    def killed_at_second(self: Runner, place: Place, clock: WarmClock, watcher: Watcher) -> Cell:
        if ran:
            raise KeyboardInterrupt
        ran.append(place.strategy)
        return run(self, place, clock, watcher)

    monkeypatch.setattr(Runner, "run", killed_at_second)
    with pytest.raises(KeyboardInterrupt):
        evaluate(grid(), tmp_path)
    (cell,) = (tmp_path / "cells").iterdir()
    cell.with_name("half-written.json").write_text("{")

    def counted(self: Runner, place: Place, clock: WarmClock, watcher: Watcher) -> Cell:
        ran.append(place.strategy)
        return run(self, place, clock, watcher)

    monkeypatch.setattr(Runner, "run", counted)
    again = evaluate(grid(), tmp_path)
    assert ran == ["greedy", "sample:n=2"], "the finished cell was not run again"
    assert figures(again) == figures(evaluation)
    assert again.frontiers == evaluation.frontiers
    assert all(cell.time_per_question_s for cell in again.cells), "that of the killed run too"


def test_a_damaged_cell_is_run_again(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluate(grid(ks=()), tmp_path)
    (path,) = (tmp_path / "cells").iterdir()
    path.write_text(path.read_text()[:100])
    assert figures(evaluate(grid(ks=()), tmp_path))[0]["accuracy"]["value"] == 1.0


def test_batches_change_costs_but_no_answer(evaluation: Evaluation, tmp_path: Path) -> None:
    found = evaluate(grid(batch=4), tmp_path)
    for cell, other in zip(found.cells, evaluation.cells, strict=True):
        answers = [[tried.answer for tried in q.tried] for q in cell.questions]
        assert answers == [[tried.answer for tried in q.tried] for q in other.questions]
        assert sum(p.counted.flops for p in cell.phases) == sum(
            p.counted.flops for p in other.phases
        )


def test_a_limit_is_said(tmp_path: Path) -> None:
    """A prompt of 15 tokens alone reaches a limit of 10: no thought, an answer all the same."""
    found = evaluate(grid(ks=(), limit=parse_budget("tokens=10")), tmp_path)
    (cell,) = found.cells
    assert {question.limit for question in cell.questions} == {"10 tokens"}
    assert "Some questions hit a limit: 10 tokens." in found.notes


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedVerifier:
    """A head that no one taught, on the reasoner's own trunk."""
    folder, start = tmp_path_factory.mktemp("verifier"), open_start("reasoner")
    write_folder(folder, start.model)
    head = initial_head(start.model.config.embed_dim, 16, 0)
    save_head(folder, replace(head, outward=jax.random.normal(jax.random.key(3), (16,))))
    return open_verifier(folder, "float32", start.tokenizer)


def test_a_trained_verifier_is_a_choice_and_its_passes_are_its_own(
    trained: TrainedVerifier, tmp_path: Path
) -> None:
    """Two attempts a question, of which it reads one token each: 16 times its unit costs."""
    text = "best-of-n:n=2,best-of-n:n=2,verifier=confidence"
    places = places_of(split_strategies(text), [4], [], trained)
    assert [place.strategy for place in places] == [
        "best-of-n:n=2,verifier=trained", "best-of-n:n=2,verifier=confidence",
    ]  # fmt: skip
    asked = replace(grid(ks=()), places=places, verifier=trained)
    found = evaluate(asked, tmp_path)
    judged, confident = found.cells
    assert [phase.name for phase in judged.phases] == ["prefill", "think", "answer", "verify"]
    assert [phase.name for phase in confident.phases] == ["prefill", "think", "answer"]
    assert judged.phases[:3] == confident.phases
    verify, config = judged.phases[3], asked.subject.config
    unit = verifier_costs(config, "float32", 16)
    assert (verify.tokens, verify.steps) == (16, 1)
    # two matmuls of a state of 64: 64 x 16 and 16 x 1
    assert unit.head.matmul_flops == 2 * 64 * 16 + 2 * 16
    token, pair = unit.token.matmul_flops, unit.pair.matmul_flops
    rest = verify.counted.flops - 16 * (unit.head.matmul_flops + token)
    assert rest > 0
    assert rest % pair == 0, "the pairs of sixteen last tokens"
    speaking = unit_costs(config, "float32")
    table = (config.vocab_size + 1) * 64 * 4
    head_bytes = (64 * 16 + 16 + 16) * 4
    assert unit.pass_weight_bytes == speaking.pass_weight_bytes - table + head_bytes
    assert verify.counted.hbm_bytes.weights == unit.pass_weight_bytes + 16 * 64 * 4
    scores = [tried.score for question in judged.questions for tried in question.tried]
    assert all(score is not None and 0 < score < 1 for score in scores)
    assert any("a head of 16 hidden units" in note for note in found.notes)
    (cost,) = judged.slices
    assert cost.time_s.median > confident.slices[0].time_s.median


def test_a_verifier_that_no_strategy_takes(trained: TrainedVerifier) -> None:
    with pytest.raises(ProfileInputError, match="none of these does: greedy"):
        places_of(["greedy"], [4], [], trained)


def test_settings_belong_to_the_strategy_before_them() -> None:
    assert split_strategies("greedy, sample:n=4,temperature=0.5,early-stop,every=2") == [
        "greedy", "sample:n=4,temperature=0.5", "early-stop:every=2",
    ]  # fmt: skip


def test_places_of_a_grid() -> None:
    """No budget for a direct answer; samples are added once, and not where there are enough."""
    places = places_of(["direct", "greedy"], [2, 4], [1, 8])
    assert [(place.strategy, place.budget) for place in places] == [
        ("direct", None), ("greedy", 2), ("greedy", 4), ("sample:n=8", 2), ("sample:n=8", 4),
    ]  # fmt: skip
    assert len(places_of(["sample:n=9"], [2], [1, 8])) == 1
    with pytest.raises(ProfileInputError, match="--think-budget"):
        places_of(["greedy"], [0], [])
