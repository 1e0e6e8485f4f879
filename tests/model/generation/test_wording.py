"""Where answers stand in texts and tokens."""

from pathlib import Path

import pytest
from tiny_models import write_tokenizer

from rooflink.model.generation.stopping import AnswerFormat, ThoughtRules, text_format
from rooflink.model.weights.hf_tokenizer import hf_tokenizer

RULES = ThoughtRules(8, 4, ((1,),), (1,), (0,))
PIECES = ["", "The answer is", " 1", "2", ",5", "00", " or", " $", "7", ".0", " apples"]


def wording() -> AnswerFormat:
    return AnswerFormat(RULES, lambda tokens: "".join(PIECES[token] for token in tokens))


def test_spans_are_of_the_answers_own_tokens() -> None:
    """' 1' '2' ',5' '00' spell 12,500; ' $' '7' '.0' spell 7; which of the two, nothing says."""
    tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert (wording().extract(tokens[:5]), wording().span(tokens[:5])) == ("12500", (1, 5))
    assert wording().extract(tokens) is None
    assert wording().align(tokens, "7") == (6, 9)
    assert wording().align([2, 6, 2, 3], "1") == (0, 1)
    assert wording().align([2, 6, 2], "1") == (2, 3), "the last of two"
    assert wording().align(tokens, "8") is None


@pytest.mark.parametrize("tokens", [[], [1], [1, 10]])
def test_no_answer(tokens: list[int]) -> None:
    assert wording().extract(tokens) is None
    assert wording().span(tokens) is None


def test_english(tmp_path: Path) -> None:
    """A text model's wording decodes to what it was written as."""
    write_tokenizer(tmp_path)
    tokenizer = hf_tokenizer(tmp_path, 288)
    words = text_format(tokenizer, RULES)
    assert words.decode(words.wait) == "\nWait,"
    assert {words.decode(step) for step in words.steps} == {"\n", "\n\n"}
    asked = words.revision(tokenizer.encode("2 + 3 ?"), [tokenizer.encode("It is 6."), [0]])
    assert words.decode(asked).count("check that once more") == 2
    assert words.decode(asked).startswith("2 + 3 ?It is 6.")
