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
from rooflink.tpu_configs.catalog import load_chip
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


def test_a_log_has_a_frontier_of_what_was_paid_and_of_each_slice() -> None:
    """Not of its cells, whose accuracy is that of first attempts and whose cost is that of all."""
    log = read_log(DATA / "game24_cot_excerpt.json")
    request = LogRequest(log, SHAPE, [parse_slice("v5e-8")])
    paid, predicted = evaluate_log(request).frontiers
    assert (paid.slice, predicted.slice) == (None, "v5e:2x4")
    labels = {option.label for option in paid.options}
    assert "one sample" in labels
    assert labels == {option.label for option in predicted.options}
    one = next(option for option in paid.options if option.label == "one sample")
    assert one.cost == pytest.approx((0.48315 + 0.94458) / 300)


def test_options_of_two_strategies_say_which(tmp_path: Path) -> None:
    answer = {"problem": "p", "expected": "1", "prompt_tokens": 40, "completion_tokens": 10}
    rows = [answer | {"strategy": s, "answer": "1"} for s in ("direct", "thought") for _ in "123"]
    request = LogRequest(read_log(written(tmp_path, *rows)), SHAPE, [parse_slice("v5e-8")])
    (frontier,) = evaluate_log(request).frontiers
    labels = [option.label for option in frontier.options]
    assert sorted(labels) == [
        f"{way} ({s})" for way in ("majority of 3", "one sample") for s in ("direct", "thought")
    ]


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
        ({"problem": "p", "correct": "yes"}, "line 1, correct is 'yes', expected a valid boolean"),
        ({"problem": "p", "correct": 1}, "line 1, correct is 1, expected"),
        ({"problem": "p", "correct": True, "completion_tokens": True}, "completion_tokens is True"),
        ({"problem": "p", "correct": True, "completion_tokens": "10"}, "completion_tokens is '10'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(ProfileInputError, match=said):
        read_log(written(tmp_path, row))


DIFFERENT = [
    ("0,1", "01"), ("4,6", "46"), ("2,4,8", "248"), ("10-20", "10-30"),
    ("2023-05-01", "2023-06-07"),
    ("4-1", "4-0"), (".7", "7"), ("-.5", "5"), ("2.1.3", "2.1.4"), ("9-", "9"), ("2,5", "25"),
    ("$4-$8", "4"), ("6.10", "6.1.0"), ("7:45", "745"), ("(1, 2)", "(2, 1)"), ("3/4", "3"),
]  # fmt: skip
SAME = [
    ("1,000", "1000"), ("$29.00", "29"), ("\u22123", "-3"), (".5", "0.5"), ("1/2", "0.5"),
    ("50%", "50"), (r"\boxed{42}", "42"), ("1e3", "1000"), ("\uff14\uff12", "42"), ("(7)", "7"),
    ("(1,2)", "1, 2"), ("Paris", "paris"), ("10-20", "10\u201320"), ("The answer is 8.", "8"),
]  # fmt: skip


def test_answers_are_equal_as_numbers_lists_or_texts(tmp_path: Path) -> None:
    rows = [{"problem": f"p{i}", "answer": a, "expected": b} for i, (a, b) in enumerate(DIFFERENT)]
    (cell,) = evaluated(read_log(written(tmp_path, *rows)))
    assert cell.correct == 0
    rows = [{"problem": f"p{i}", "answer": a, "expected": b} for i, (a, b) in enumerate(SAME)]
    (cell,) = evaluated(read_log(written(tmp_path, *rows)))
    assert cell.correct == len(SAME)


def test_what_json_allows_in_a_line(tmp_path: Path) -> None:
    """A byte order mark before the first, and line separators of Unicode inside a text."""
    path = tmp_path / "log.jsonl"
    text = (
        '{"problem": "a\u2028b\u0085c\x0bd", "correct": true}\r\n{"problem": "e", "correct": false}'
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\x0b", "\\u000b").encode())
    assert [attempt.problem for attempt in read_log(path).attempts] == ["a\u2028b\u0085c\x0bd", "e"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"score": NaN', "line 1: score is nan, expected a finite number"),
        ('"completion_tokens": 1e400', "is inf, expected a finite number"),
        ('"usd": 1e300', "line 1, usd is 1e+300"),
        ('"level": ' + "9" * 5000, "integer of thousands of digits"),
        ('"score": ' + "[" * 3000, "nested more than 64"),
        ('"requests": 0', "line 1, requests is 0"),
        ('"usd": 1, "usd": 2', "line 1, gives the key 'usd' twice in one object"),
        ('"strategy": "\\ud800"', "half of a surrogate pair"),
    ],
)
def test_no_figure_of_a_log_is_beyond_reason(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"problem": "p", "correct": true, ' + line + "}")
    with pytest.raises(ProfileInputError) as caught:
        read_log(path)
    assert said in str(caught.value)
    assert len(str(caught.value)) <= 300


PUZZLE = {"idx": 1, "ys": ["a", "b"], "accs": [True, False],
          "usage_so_far": {"prompt_tokens": 5, "completion_tokens": 9, "cost": 0.1}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ys": []}, "puzzle 1 ys"),
        ({"ys": ["a"]}, "1 'ys' and 2 'infos' or 'accs'"),
        ({"accs": None}, "2 'ys' and 0 'infos' or 'accs'"),
        ({"usage_so_far": {"cost": -1}}, "usage_so_far.cost is -1"),
        ({"usage_so_far": {"cost": "x"}}, "usage_so_far.cost is 'x'"),
        ({"infos": [{}, {}]}, "has no 'infos.0.r"),
    ],
)
def test_a_wrong_puzzle_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "game.json"
    path.write_text(json.dumps([PUZZLE | change]))
    with pytest.raises(ProfileInputError) as caught:
        read_log(path)
    assert said in str(caught.value)


def test_a_folder_that_links_to_itself_has_its_files_once(tmp_path: Path) -> None:
    written(tmp_path, {"problem": "p", "correct": True})
    (tmp_path / "again.json").symlink_to(tmp_path)
    assert len(read_log(tmp_path).attempts) == 1


def test_a_list_of_attempts_is_told_from_lines_of_them(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('[3,\n{"problem": "p"}]')
    with pytest.raises(
        ProfileInputError, match=r"one object a line\).*puzzle 1 is 3, expected a JSON object"
    ):
        read_log(tmp_path / "log.json")


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


def reasoning_log(folder: Path, attempts: int) -> AttemptsLog:
    """Two problems with so many attempts of 20,000 tokens each, after prompts of 300."""
    rows = [
        {"problem": str(n % 2), "strategy": "sample", "answer": "1", "correct": True,
         "prompt_tokens": 300, "completion_tokens": 20_000, "think_tokens": 19_000}
        for n in range(2 * attempts)
    ]  # fmt: skip
    return read_log(written(folder, *rows))


@pytest.mark.parametrize(("attempts", "chips"), [(1, 4), (4, 8), (16, 32)])
def test_a_chips_slice_holds_the_logs_own_lengths(
    tmp_path: Path, attempts: int, chips: int
) -> None:
    """Llama-3-8B keeps 131,072 B a position: eight questions with so many attempts of 20,300 tokens
    and the weights' 16.1 GB fill 2.3, 6.2 and 21.7 chips of 16.3 GB."""
    request = LogRequest(reasoning_log(tmp_path, attempts), SHAPE, [], [load_chip("v5e")])
    (cell,) = evaluate_log(request).cells
    wanted = parse_slice(f"v5e-{chips}").name
    assert [cost.slice for cost in cell.slices] == [wanted]
    assert {cost.slice for point in cell.attempts for cost in point.slices} == {wanted}


def test_a_log_that_no_slice_of_a_chip_holds(tmp_path: Path) -> None:
    log, chip = reasoning_log(tmp_path, 4), load_chip("apple-m2")
    with pytest.raises(ProfileInputError, match=r"no slice of Apple M2 .* lower --batch"):
        evaluate_log(LogRequest(log, SHAPE, [], [chip]))


def test_a_log_without_tokens_needs_no_slice() -> None:
    log = read_log(DATA / "gsm8k_verifier_excerpt.jsonl")
    (first, *_) = evaluate_log(LogRequest(log, SHAPE, [], [load_chip("apple-m2")])).cells
    assert first.slices == []
