"""The embedded reasoner's notation: every word that it reads or says, blanks between them.

A problem is a task's name, its parts padded to a fixed length, and `THINK`. The padding makes the
operand of a thinking step stand at a constant distance from the step, without which small
transformers do not learn to find it.
"""

from ..tokenizer import THINK_MARKER, Tokenizer

PAD = "_"
THINK = "<think>"
END_OF_THOUGHT = THINK_MARKER
END = "<|endoftext|>"
UNKNOWN = "<unk>"

LARGEST_NUMBER = 99
CHAIN, SUM, COUNTDOWN = "chain", "sum", "countdown"
CHAIN_OPERATIONS = (
    *(f"+{n}" for n in range(1, 17)),
    *(f"-{n}" for n in range(1, 17)),
    *(f"*{n}" for n in range(2, 17)),
)
"""An operation of a chain, its operand included, is one word."""

SIGNS = ("+", "-", "*", "/", "(", ")")
CONTROL = (END, UNKNOWN, THINK, END_OF_THOUGHT)
WORDS = (
    *CONTROL,
    PAD,
    CHAIN,
    SUM,
    COUNTDOWN,
    *map(str, range(LARGEST_NUMBER + 1)),
    *CHAIN_OPERATIONS,
    *SIGNS,
)
"""The vocabulary; a word's place is its token id."""


def prompt(task: str, parts: tuple[str, ...], room: int) -> str:
    """The notation of a problem of `task`: its parts padded to `room` words."""
    return " ".join((task, *parts, *(PAD,) * (room - len(parts)), THINK))


def parts(notation: str) -> tuple[str, ...]:
    """The parts of a problem, as given to `prompt`."""
    return tuple(word for word in notation.split()[1:-1] if word != PAD)


def speaks_notation(tokenizer: Tokenizer) -> bool:
    """Whether a model reads the notation: its tokenizer has exactly these words as its tokens."""
    return tokenizer.encode(" ".join(WORDS)) == list(range(len(WORDS)))
