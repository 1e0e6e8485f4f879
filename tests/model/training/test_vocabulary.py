"""The notation's tokenizer, as the project's own Tokenizer and thought rules use it."""

import pytest
import tokenizers

from rooflink.model.generation.stopping import default_think_end, thought_rules
from rooflink.model.tasks.task import WORDS, speaks_notation
from rooflink.model.tokenizer import Tokenizer
from rooflink.model.training.data import notation_tokenizer


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer(notation_tokenizer())


def test_a_words_id_is_its_place(tokenizer: Tokenizer) -> None:
    assert [tokenizer.encode(word) for word in WORDS] == [[i] for i in range(len(WORDS))]
    assert tokenizer.vocab_size == len(WORDS)
    assert speaks_notation(tokenizer)


def test_other_tokenizers_do_not_speak_the_notation() -> None:
    letters = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    assert not speaks_notation(Tokenizer(letters))


def test_the_thought_ends_with_one_token_and_so_does_the_cue(tokenizer: Tokenizer) -> None:
    rules = thought_rules(tokenizer, default_think_end(tokenizer), 12, 4)
    end = WORDS.index("</think>")
    assert rules.markers == ((end,),)
    assert rules.cue == (end,)
    assert rules.end_tokens == (WORDS.index("<|endoftext|>"),)


def test_words_of_no_notation_are_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("why 3") == [WORDS.index("<unk>"), WORDS.index("3")]


def test_answers_are_read_back_without_control_words(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("( 3 + 4 ) * 5 <|endoftext|>")) == "( 3 + 4 ) * 5"
