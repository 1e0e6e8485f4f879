"""An input error is one line that fits a terminal, whatever the input was."""

MOST_CHARACTERS = 300
_TAIL = 120  # where sentences say what was expected


class InputError(ValueError):
    """A mistake of the user's: says in one sentence what was wrong, where, and what to do; shown
    without a traceback. Quoted input is shortened, and what cannot be printed becomes '?'."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


class ChipInputError(InputError):
    """A mistake in a chip file or in the name of a chip or slice."""


def one_line(text: str) -> str:
    """`text` in at most `MOST_CHARACTERS` printable characters; the middle goes first."""
    line = visible(" ".join(text.split()))
    head = MOST_CHARACTERS - _TAIL - len(" ... ")
    return line if len(line) <= MOST_CHARACTERS else f"{line[:head]} ... {line[-_TAIL:]}"


def visible(text: str) -> str:
    """`text` with '?' for each character that cannot be printed, line ends too."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
