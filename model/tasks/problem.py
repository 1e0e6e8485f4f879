"""Problem: a question with an exact checker, and what an attempt's answer counts as."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NUMBER = r"-?\$?\d[\d,]*(?:\.\d+)?"
"""A number with or without thousands separators and currency."""

_NUMBER = re.compile(NUMBER)


@dataclass(frozen=True)
class Problem:
    """A question in words; `expected` is None for a prompt that has no checkable answer.

    `level` is its difficulty in the task's own unit (operations, numbers, steps). `notation` is
    the same problem in the embedded reasoner's notation (`notation.py`), a whole prompt for it;
    None where the notation has no words for the problem.
    """

    question: str
    expected: str | None = None
    level: int | None = None
    notation: str | None = None

    def extract(self, answer: str) -> str | None:
        """What `answer` says, spelled one way so that equal answers are equal texts in a vote."""
        found = extract_number(answer)
        return None if found is None else plain_number(found)

    def check(self, answer: str) -> bool | None:
        """Whether `answer` gives the expected number; None where nothing is expected."""
        if self.expected is None:
            return None
        found = self.extract(answer)
        return found is not None and same_number(found, self.expected)


def extract_number(text: str) -> str | None:
    """The first number in `text` without thousands separators or currency, or None.

    An answer begins right after its cue, so what a small model rambles on with comes later.
    """
    found = _NUMBER.search(text)
    return _without_separators(found.group()) if found else None


def plain_number(text: str) -> str:
    """A number's text spelled one way: '18.00' and '$18' are '18', '-0' is '0'."""
    whole, _, fraction = _without_separators(text).partition(".")
    fraction = fraction.rstrip("0")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.lstrip("-").lstrip("0") or "0"
    if digits == "0" and not fraction:
        return "0"
    return f"{sign}{digits}.{fraction}" if fraction else f"{sign}{digits}"


def same_number(one: str, other: str) -> bool:
    """Whether two decimal texts are the same number: '18', '18.0' and '18.00' are."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _without_separators(number: str) -> str:
    return number.replace(",", "").replace("$", "")
