"""Attempts logs: this project's format, and excerpts of the published ones (data/README.md).

The whole published files give, by the same commands: direct x100 solves 33 of 100 for $13.80; chain
of thought 4 / 21.5 / 32 / 41 / 49 of 100 at k = 1 / 10 / 25 / 50 / 100; tree search 69 for $74.51;
verifiers 21.7 -> 39.0 and 34.7 -> 56.3 %.
"""

import json
from math import comb
from pathlib import Path

import pytest

from rooflink.model.config import ModelConfig
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.evaluation.attempts_log import AttemptsLog, joined, read_log
from rooflink.profiling.evaluation.logged import LogRequest, evaluate_log
from rooflink.profiling.predicted.model_shape import NamedShape, named_shape
from rooflink.profiling.records.evaluation import Cell
from rooflink.tpu_configs.slice import parse_slice

DATA = Path(__file__).parent / "data"
SHAPE = named_shape("llama3-8b")


def evaluated(log: AttemptsLog, *slices: str, model: NamedShape = SHAPE) -> list[Cell]:
    return evaluate_log(LogRequest(log, model, [parse_slice(text) for text in slices])).cells


def written(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "log.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_chain_of_thought_on_game_24() -> None:
    """21, 0 and 0 of 100 right: a third of 1 - C(79, k) / C(100, k). The running total starts
    again at the second of these puzzles, as it does in the whole log."""
    log = read_log(DATA / "game24_cot_excerpt.json")
    (cell,) = evaluated(log)
    covered = {point.k: point.coverage.value for point in cell.attempts}
    for k in (1, 10, 50):
        assert covered[k] == pytest.approx((1 - comb(79, k) / comb(100, k)) / 3)
    assert cell.usd == pytest.approx(0.48315 + 0.94458)
    assert "starts again at puzzle 2 of 3. Its last figure, $0.94, is of 2 puzzles" in log.notes[1]
    last = cell.attempts[-1]
    assert last.tokens == pytest.approx((2185 * 3 + 6960 + 13558) / 3)
    assert last.usd == pytest.approx((cell.usd or 0.0) / 3)


def test_direct_samples_and_tree_search_on_game_24() -> None:
    log = joined([read_log(DATA / f"game24_{kind}_excerpt.json") for kind in ("direct", "tree")])
    direct, tree = evaluated(log)
    assert (direct.strategy, direct.attempts[-1].coverage.value) == ("direct", 0.5)
    assert direct.usd == pytest.approx(0.27816)
    (point,) = tree.attempts
    assert (point.k, point.coverage.value, tree.usd) == (5, 1.0, pytest.approx(3.35439))
    requests = [attempt.requests for attempt in log.attempts if attempt.joint]
    assert sum(requests) == pytest.approx(96 + 126), "16 kept states and 80 candidates; 16 and 110"


def test_costs_on_a_slice() -> None:
    """About two FLOPs a parameter and token (attention and the head are the rest), and a solved
    problem pays for those that are not."""
    log = joined([read_log(DATA / f"game24_{kind}_excerpt.json") for kind in ("cot", "tree")])
    samples, tree = evaluated(log, "v5e-4")
    for cell in (samples, tree):
        point = cell.attempts[-1]
        (cost,) = point.slices
        assert point.flops is not None
        assert point.flops == pytest.approx(2 * 8.03e9 * (point.tokens or 0.0), rel=0.2)
        assert cost.amounts.usd is not None
        assert cost.per_correct is not None
        assert cost.per_correct.usd is not None
        assert cost.per_correct.usd.median == pytest.approx(
            cost.amounts.usd.median / point.coverage.value
        )


def test_gsm8k_verifiers() -> None:
    log = read_log(DATA / "gsm8k_verifier_excerpt.jsonl")
    cells = evaluated(log, "v5e-4")
    assert {cell.strategy: cell.correct for cell in cells} == {
        "6b finetuning": 1, "6b verification": 5, "175b finetuning": 2, "175b verification": 7,
    }  # fmt: skip
    assert cells[3].questions[0].answer == "18"
    assert all(cell.slices == [] and cell.usd is None for cell in cells), "no tokens, no cost"


def test_our_own_format(tmp_path: Path) -> None:
    """Answers are compared as numbers; a majority and the best by score come out of them."""
    common = {"problem": "p", "expected": "1,200", "prompt_tokens": 40, "completion_tokens": 10}
    rows = [
        common | {"answer": a, "score": s} for a, s in (("1200.0", 0.2), ("3", 0.9), ("1200", 0.5))
    ]
    (cell,) = evaluated(read_log(written(tmp_path, *rows)))
    assert [each.right for each in cell.questions[0].tried] == [True, False, True]
    last = cell.attempts[-1]
    assert last.majority is not None
    assert last.best is not None
    assert (last.coverage.value, last.majority.value, last.best.value) == (1.0, 1.0, 0.0)
    assert last.tokens == 3 * 50, "each attempt was a request of its own"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"problem": "p"}, "neither 'correct' nor both"),
        ({"problem": "p", "correct": True, "tokens": 3}, "line 1, has 'tokens'"),
        ({"problem": "p", "correct": True, "think_tokens": 3}, "more think_tokens"),
        ({"correct": True}, "line 1, has no 'problem'"),
        ({"problem": "p", "correct": True, "usd": -1}, "line 1, usd is -1"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(ProfileInputError, match=said):
        read_log(written(tmp_path, row))


@pytest.mark.parametrize("text", ["[1]", '[{"idx": 1}]', "not json", ""])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(text)
    with pytest.raises(ProfileInputError, match=r"log\.json"):
        read_log(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileInputError, match="no attempts log"):
        read_log(tmp_path / "nothing.jsonl")


def test_a_model_that_does_not_fit_is_refused() -> None:
    config: ModelConfig | str = "llama3-70b"
    with pytest.raises(ProfileInputError, match="does not fit"):
        evaluated(
            read_log(DATA / "game24_cot_excerpt.json"), "v5e-1", model=named_shape(str(config))
        )
