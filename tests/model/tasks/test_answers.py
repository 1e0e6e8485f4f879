"""Answers judged as a careful reader would: texts judged by hand, and the grammar of numbers."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from rooflink.model.tasks import Problem, parse_task
from rooflink.model.tasks.answers import answers_in, final_answer, same_answer, spelled
from rooflink.model.tasks.countdown import CountdownProblem
from rooflink.model.tasks.numbers import figures_in, figures_in_words, levelled, spelled_number

JUDGED = Path(__file__).parents[2] / "data" / "answers" / "judged.jsonl"
ROWS = [json.loads(line) for line in JUDGED.read_text(encoding="utf-8").split("\n") if line]


def judged_right(row: dict[str, str]) -> bool:
    if row["task"] == "logged":
        return same_answer(row["text"], row["expected"])
    return bool(Problem("?", row["expected"]).check(row["text"]))


def test_no_wrong_text_is_judged_right_and_hardly_a_right_one_wrong() -> None:
    assert len(ROWS) > 1000
    wrong = [row for row in ROWS if judged_right(row) and not row["right"]]
    missed = [row for row in ROWS if row["right"] and not judged_right(row)]
    assert wrong == []
    assert len(missed) <= 0.01 * len(ROWS), missed


def test_of_two_answers_neither_comes_first() -> None:
    for row in ROWS:
        if row["task"] == "logged":
            one, other = row["text"], row["expected"]
            assert same_answer(one, other) == same_answer(other, one), row


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", "18"), ("18.00", "18"), ("007", "7"), ("-0", "0"), ("-0.50", "-1/2"), ("+5", "5"),
        ("$1,200.50", "2401/2"), ("-$5", "-5"), ("$-5", "-5"), (".5", "1/2"), ("\u22128", "-8"),
        ("1 000", "1000"), ("1\u202f000", "1000"), ("1{,}234", "1234"), ("1'000", "1000"),
        ("3/4", "3/4"), ("1 1/2", "3/2"), ("2\u00bd", "5/2"), (r"\frac{1}{3}", "1/3"),
        (r"2\frac{1}{2}", "5/2"), ("1e3", "1000"), ("1.5e-3", "3/2000"), ("3 x 10^8", "300000000"),
        ("3\u00d710\u2078", "300000000"), ("2^10", "1024"), ("2.5 million", "2500000"),
        ("3 dozen", "36"), ("5k", "5000"), ("42km", "42"), ("5th", "5"), ("\uff14\uff12", "42"),
        ("2 and a half", "5/2"), ("50%", "50"),
    ],
)  # fmt: skip
def test_numbers(text: str, value: str) -> None:
    (figure,) = figures_in(levelled(text))
    assert figure.value == Fraction(value)


@pytest.mark.parametrize(
    "text",
    ["1,2", "12,34", "0,1", "1,23,456", "1.2.3", "v1.2", "7:30", "5 pm", "2024-01-15", "10-20",
     "3-2", "$5-$9", "5x", "3\u03c0", r"2\sqrt{3}", r"\frac{x}{2}", "1/0", "1e999", "x5", "GPT-4",
     "x^2", "0.333...", "9" * 101, "two thirds"],
)  # fmt: skip
def test_what_only_looks_like_a_number(text: str) -> None:
    level = levelled(text)
    assert [f.value for f in (*figures_in(level), *figures_in_words(level)) if f.value] == []


@pytest.mark.parametrize(
    ("words", "value"),
    [("seventy-two", 72), ("one hundred and five", 105), ("two thousand three hundred", 2300),
     ("five hundred thousand", 500_000), ("minus four", -4), ("two dozen", 24)],
)  # fmt: skip
def test_numbers_in_words(words: str, value: int) -> None:
    assert [figure.value for figure in figures_in_words(words)] == [value]


def test_words_that_are_no_number() -> None:
    assert figures_in_words("two three, twenty twelve") == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(1, 3), "1/3"), (Fraction(-1, 8), "-0.125"), (Fraction(1, 20), "0.05"),
     (Fraction(1200), "1200"), (Fraction(0), "0"), (Fraction(10) ** 20, "1" + "0" * 20)],
)  # fmt: skip
def test_one_spelling(value: Fraction, text: str) -> None:
    assert spelled_number(value) == text


@pytest.mark.parametrize(
    ("answer", "spelling"),
    [("$18.00", "18"), ("42 km", "42 km"), ("50 %", "50%"), (r"\boxed{42}", "42"), ("", ""),
     ("1,5", "(1, 5)"),
     ("Paris.", "paris"), ("10 \u2013 20", "10-20"), ("x = 5", "5")],
)  # fmt: skip
def test_logged_answers_are_spelled_one_way(answer: str, spelling: str) -> None:
    assert spelled(answer) == spelling


def test_where_an_answer_stands() -> None:
    text = "So 4 + 8 = 12.\nThe answer is $12.00 for both."
    found = final_answer(text)
    assert found is not None
    assert (text[found.start : found.end], found.answer) == ("$12.00", "12")
    assert [one.answer for one in answers_in(text)] == ["4", "8", "12", "12"]


def test_after_the_cue_the_first_statement_counts() -> None:
    text = " 18 dollars.\n\nQ: What is 2 + 3?\nA: The answer is 5."
    assert Problem("?", "18").check(text, after_cue=True)
    assert not Problem("?", "5").check(text, after_cue=True)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("(8 - 4) * 3", True), ("First 8 - 4 = 4, so the answer is (8-4)*3.", True),
        (r"\boxed{3 \times (8 - 4)}", True), ("3*(8-4) is 12, not 8+4. The answer is 8+4.", False),
        ("8 + 4 = 12\n(8 - 4) * 3 = 12", True), ("12", False),
    ],
)  # fmt: skip
def test_an_expression_is_judged_where_the_answer_stands(answer: str, right: bool) -> None:
    problem = CountdownProblem("?", "(8-4)*3", numbers=(3, 8, 4), target=12)
    assert problem.check(answer) is right


@pytest.mark.parametrize(
    "text",
    [r"\boxed{" * 5000, "(" * 20_000, "1," * 10_000, "1.1" * 7000, "-" * 20_000, "9" * 20_000,
     "answer is " * 2000, "<answer>" * 2500, "1 and " * 4000, r"\frac{" * 4000, "wait, " * 3000,
     "5 + " * 5000],
)  # fmt: skip
def test_long_and_crooked_texts_take_no_time(text: str) -> None:
    final_answer(text)
    same_answer(text, text[:-1])


def test_each_task_says_its_rule() -> None:
    assert "last statement" in parse_task("bundled").problems("test")[0].rule
    assert "expression" in parse_task("countdown:n=3").problems("test", 1)[0].rule
