"""The reasoner's tokenizer: one token for each word of the notation."""

import tokenizers
from tokenizers import AddedToken, models, pre_tokenizers

from ..tasks.notation import CONTROL, UNKNOWN, WORDS


def notation_tokenizer() -> tokenizers.Tokenizer:
    """Words between blanks; a word outside the notation is `UNKNOWN`."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    built = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    built.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    built.add_special_tokens([AddedToken(word, normalized=False) for word in CONTROL])
    return built
