"""GSM8K, SVAMP and the bundled problems: published formats, splits, one-sentence errors."""

import json
from pathlib import Path

import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.tasks import Problem, parse_task
from rooflink.model.tasks.parse import ListedTask

SVAMP = [
    {"ID": "a", "Body": "Ann has 5 pens and buys 2 more", "Question": "How many has she now?",
     "Equation": "( 5.0 + 2.0 )", "Answer": 7.0, "Type": "Addition"},
    {"ID": "b", "Body": "Each of 3 boxes holds 4 pens. Bo takes 2.",
     "Question": "How many are left?", "Equation": "( ( 3.0 * 4.0 ) - 2.0 )", "Answer": 10.5,
     "Type": "Multiplication"},
]  # fmt: skip


def test_svamp(tmp_path: Path) -> None:
    path = tmp_path / "svamp.json"
    path.write_text(json.dumps(SVAMP))
    task = parse_task(f"svamp:{path}")
    assert isinstance(task, ListedTask)
    assert task.name == f"svamp:{path}"
    assert task.listed == (
        Problem("Ann has 5 pens and buys 2 more. How many has she now?", "7", level=1),
        Problem("Each of 3 boxes holds 4 pens. Bo takes 2. How many are left?", "10.5", level=2),
    )


def test_gsm8k_levels_count_calculations(tmp_path: Path) -> None:
    path = tmp_path / "gsm.jsonl"
    answer = "He has 2*3=<<2*3=6>>6. Then 6+1000=<<6+1000=1006>>1,006.\n#### 1,006"
    path.write_text(json.dumps({"question": "How many?", "answer": answer}) + "\n")
    task = parse_task(f"gsm8k:{path}")
    assert isinstance(task, ListedTask)
    assert task.listed == (Problem("How many?", "1006", level=2),)


def test_lines_of_a_gsm8k_file_end_where_json_has_them(tmp_path: Path) -> None:
    path = tmp_path / "gsm.jsonl"
    rows = [
        {"question": "a\u2028b\u0085c?", "answer": "#### -.5"},
        {"question": "d?", "answer": "#### $3"},
    ]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [p.expected for p in parse_task(f"gsm8k:{path}").listed] == ["-0.5", "3"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "row",
    ["[1]", '{"question": "q"}', '{"question": 1, "answer": "#### 2"}',
     '{"question": "q", "answer": "2"}',
     '{"question": "q", "answer": "#### "}', "[" * 3000, '{"question": "q", "answer": NaN}'],
)  # fmt: skip
def test_a_damaged_gsm8k_file_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "gsm.jsonl"
    path.write_text(row)
    with pytest.raises(ModelInputError, match=r"line 1[,:]"):
        parse_task(f"gsm8k:{path}")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("7", "7"), ("2.50", "2.5"), ('"3/4"', "0.75"), ("1e20", "1" + "0" * 20)],
)
def test_svamp_answers_of_any_kind_of_number(tmp_path: Path, answer: str, expected: str) -> None:
    path = tmp_path / "svamp.json"
    path.write_text(json.dumps([SVAMP[0] | {"Answer": "@"}]).replace('"@"', answer))
    assert parse_task(f"svamp:{path}").listed[0].expected == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("answer", ["9" * 400, "9" * 5000, "1e400", "NaN", "true", "null", '"x"'])
def test_an_answer_that_is_no_number_is_named(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "svamp.json"
    path.write_text(json.dumps([SVAMP[0] | {"Answer": "@"}]).replace('"@"', answer))
    with pytest.raises(ModelInputError, match=r"SVAMP|entry 1"):
        parse_task(f"svamp:{path}")


def listed(n: int) -> ListedTask:
    return ListedTask("made", tuple(Problem(f"question {i}", str(i % 4)) for i in range(n)))


def test_each_problem_of_a_file_is_in_one_split() -> None:
    task = listed(200)
    train, test = task.problems("train"), task.problems("test")
    assert not set(train) & set(test)
    assert set(train) | set(test) == set(task.listed)
    assert 60 <= len(test) <= 140


def test_a_seed_picks_problems_in_the_order_of_the_file() -> None:
    task = listed(200)
    picked = task.problems("test", 20, seed=1)
    assert picked == task.problems("test", 20, seed=1) != task.problems("test", 20, seed=2)
    assert sorted(picked, key=task.listed.index) == picked


def test_the_guess_rate_is_the_chance_of_sharing_an_answer() -> None:
    # 8 problems with answers 0 1 2 3 twice each: of the 7 others one has the same answer.
    assert listed(8).guess_rate == pytest.approx(1 / 7)


def test_bundled_problems_are_all_for_testing() -> None:
    task = parse_task("bundled")
    assert len(task.problems("test")) == 4
    with pytest.raises(ModelInputError, match="bundled has no train problems: take another"):
        task.problems("train")


def test_asking_for_more_than_there_are() -> None:
    with pytest.raises(
        ModelInputError, match=r"made has \d+ test problems, not 500: ask for fewer"
    ):
        listed(20).problems("test", 500)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chess", "no task called 'chess': --task takes one of chain:k=8"),
        ("gsm8k", "no task called 'gsm8k'"),
        ("chain", "'chain' does not say how hard: write k=12 or k=1-12, from 1 to 12"),
        ("chain:k=13", "from 1 to 12"),
        (f"chain:k={'9' * 5000}", "from 1 to 12"),
        ("chain:k=\u0663", "from 1 to 12"),
        ("gsm8k:~nosuchuser/x", "is not a path"),
        ("chain:k=8-2", "from 1 to 12"),
        ("sum:k=8", "write n=8 or n=2-8"),
        ("sum:n=1", "from 2 to 8"),
        ("countdown:n=4", "from 2 to 3"),
        ("countdown:n=2-3", "no task called 'countdown:n=2-3'"),
        ("svamp:/nowhere.json", "no SVAMP file at /nowhere.json"),
    ],
)
def test_errors_say_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ModelInputError) as caught:
        parse_task(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["{", "{}", "[]", '[{"Body": "x"}]', '[{"Body": 3}]', "[1]"])
def test_a_damaged_svamp_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "svamp.json"
    path.write_text(content)
    with pytest.raises(ModelInputError, match=r"svamp\.json"):
        parse_task(f"svamp:{path}")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "gsm.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelInputError, match="is not UTF-8 text"):
        parse_task(f"gsm8k:{path}")


def test_extracting_what_a_vote_counts() -> None:
    problem = Problem("How many?", "1234")
    assert problem.extract(" $1,234.00 in all") == "1234"
    assert problem.extract(" $1,234.00. Next, 5 is", after_cue=True) == "1234"
    assert problem.extract("none") is None
    assert problem.check("1,234") is True
    assert Problem("Why?").check("because") is None
