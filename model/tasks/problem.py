"""Problem: a question with a number for its answer, and how an attempt is checked."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Problem:
    """A question in words; `expected` is None for a prompt that has no checkable answer."""

    question: str
    expected: str | None = None

    def check(self, answer: str) -> bool | None:
        """Whether `answer` gives the expected number; None where nothing is expected."""
        if self.expected is None:
            return None
        found = extract_number(answer)
        return found is not None and same_number(found, self.expected)


def extract_number(text: str) -> str | None:
    """The first number in `text` without thousands separators or currency, or None.

    An answer begins right after its cue, so what a small model rambles on with comes later.
    """
    found = _NUMBER.search(text)
    return found.group().replace(",", "").replace("$", "") if found else None


def same_number(one: str, other: str) -> bool:
    """Whether two decimal texts are the same number: '18', '18.0' and '18.00' are."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
