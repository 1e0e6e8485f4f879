"""Answers of any text: reading and comparing them never raises, and agrees with itself."""

from fractions import Fraction
from random import Random

from fuzzing import assert_reads_or_refuses, corpus_texts, mutated_text, seeded, text_reader
from hypothesis import given
from hypothesis import strategies as st

from rooflink.model.tasks import Problem
from rooflink.model.tasks.answer_values import value_of
from rooflink.model.tasks.answers import answer_part, answers_in, final_answer, same_answer, spelled
from rooflink.model.tasks.numbers import levelled, spelled_number

VALID = corpus_texts("answers")


@seeded
def symbols(by: Random) -> str:
    return "".join(by.choices("0123456789.,-/%$ =()\\{}abox#\n", k=by.randint(0, 80)))


TEXTS = mutated_text(VALID) | symbols()


def read_answer(text: str) -> str | None:
    """All that is done with a text; its answer."""
    assert len(levelled(text)) == len(text)
    found = [one for one in (final_answer(text), final_answer(text, after_cue=True)) if one]
    for one in (*found, *answers_in(text)):
        assert 0 <= one.start <= one.end <= len(text)
    answer_part(text)
    if value_of(text).number is not None:
        assert spelled(spelled(text)) == spelled(text)
    return found[0].answer if found else None


READERS = {"answers": text_reader(read_answer)}


@given(TEXTS)
def test_any_text_is_read(text: str) -> None:
    assert_reads_or_refuses(read_answer, text)


def compare_answers(texts: tuple[str, str]) -> bool:
    """Neither comes first."""
    one, other = texts
    same = same_answer(one, other)
    assert same == same_answer(other, one)
    assert same_answer(one, one)
    return same


@given(st.tuples(TEXTS, TEXTS))
def test_any_two_answers_are_compared(texts: tuple[str, str]) -> None:
    assert_reads_or_refuses(compare_answers, texts)


NUMBERS = st.fractions(max_denominator=1000) | st.integers().map(Fraction)
SAID = st.sampled_from(
    ["{}", " {}.", "**{}**", "The answer is {}.", "#### {}", "\\boxed{{{}}}", "x = {}",
     "So it is {}",
     "First 2 + 2 = 4. The answer is {}", "<think>12</think>{}", "It is not 1234567 but {}."]
)  # fmt: skip


@given(NUMBERS, SAID)
def test_a_number_that_is_said_is_the_answer(number: Fraction, said: str) -> None:
    text = spelled_number(number)
    problem = Problem("?", text)
    assert problem.check(said.format(text)) is True
    assert problem.check(said.format(spelled_number(number + 1))) is False


@given(st.integers(0, 10**12))
def test_thousands_may_be_separated(number: int) -> None:
    for written in (f"{number:,}", f"{number:_}", f"{number:,}".replace(",", " "), f"{number}.00"):
        assert same_answer(written, str(number))
