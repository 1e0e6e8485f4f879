"""What a whole text says where it is all answer: one number with its unit, a list, a text."""

import re
from dataclasses import dataclass
from fractions import Fraction

from .numbers import CURRENCIES, MONEY, Figure, figures_in, figures_in_words, levelled, normal_text
from .statements import OpenAnswerError, stated

LONGEST_VALUE = 2_000
"""Characters of an answer that are looked at."""

_UNITS = {
    "$": "dollar usd", "€": "euro eur", "£": "gbp", "cent": "cent", "%": "percent", "°": "degree °",
    "kg": "kilogram kg", "g": "gram g", "mg": "mg", "lb": "pound lb lbs", "oz": "ounce oz",
    "km": "kilometer kilometre km", "m": "meter metre m", "cm": "centimeter centimetre cm",
    "mm": "mm", "in": "inch inches in", "ft": "foot feet ft", "mi": "mile mi", "yd": "yard yd",
    "h": "hour hr h", "min": "minute min", "s": "second sec s", "ms": "ms", "day": "day",
    "week": "week", "month": "month", "year": "year", "l": "liter litre l", "ml": "ml",
    "mph": "mph", "kph": "kph", "kw": "kw", "kwh": "kwh", "w": "watt w",
}  # fmt: skip
_MEASURES = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_OPTION = re.compile(r"^[{\s]*\([A-Z]\)[}\s]*(?=[-+\d.¤\\])")  # '(C) 12'
_NAME = re.compile(r"([A-Za-z]\w{0,11})\s*=\s*(?=[^=])")
_UNIT_WORDS = re.compile(r"(?:[A-Za-z°]{1,20}\.?\^?[\d²³]?(?:[ /]|$)){0,3}")


@dataclass(frozen=True)
class Value:
    """A whole answer. Two are compared by `same_value`."""

    number: Fraction | None  # None: a list or a text
    unit: str  # '%', '$', 'km', 'x='; '' where it has none that is a measure
    text: str  # the one spelling

    @property
    def spelled(self) -> str:
        """As votes compare it: of its unit a measure alone."""
        measure = self.unit in _UNITS and self.unit not in "$%"
        return f"{self.text} {self.unit}" if measure else self.text


def value_of(text: str) -> Value:
    """What all of `text` says."""
    bare = _OPTION.sub("", _unwrapped(levelled(text[:LONGEST_VALUE])))
    unit = ""
    if name := _NAME.match(bare):
        unit, bare = f"{name[1]}=", bare[name.end() :]
    elif "=" in bare and (figure := _right_side(bare)):
        bare = bare[figure.start : figure.end]
    figure, measure = _number(bare)
    if figure is None or figure.value is None:
        return Value(None, "", _listed(bare) or normal_text((unit + bare).replace(MONEY, " ")))
    unit = unit or _currency(text) or measure
    return Value(figure.value, "%" if figure.percent else unit, figure.text)


def same_value(a: Value, b: Value) -> bool:
    """Whether both are one number, the same list or the same text. A unit counts where both have
    one. '50%' is 50 and 0.5; below 1 % it is the share alone."""
    if a.number is None or b.number is None:
        return a.number is None and b.number is None and a.text == b.text
    if a.unit and b.unit:
        return a.unit == b.unit and a.number == b.number
    for percent, plain in ((a, b), (b, a)):
        if percent.unit == "%" and percent.number is not None:
            alike = plain.number == percent.number and abs(percent.number) >= 1
            return alike or plain.number == percent.number / 100
    return a.number == b.number


def same_unit(a: Value, b: Value) -> bool:
    """Whether no two units of measure, such as km and m, stand against each other."""
    return not {a.unit, b.unit} <= set(_UNITS) or a.unit == b.unit


def _unwrapped(level: str) -> str:
    """Without a full stop, quotes, or brackets around all of it."""
    level = re.sub(r"(?<=\d)\.\.+", "…", level)
    bare = level.lstrip(f" \t\n\"'`{MONEY}").rstrip(f" \t\n.,;!\"'`{MONEY}")
    while bare[:1] + bare[-1:] in ("()", "{}", "[]") and not re.search(r"[,(){}\[\]]", bare[1:-1]):
        bare = bare[1:-1].strip()
    return bare


def _right_side(bare: str) -> Figure | None:
    try:
        return stated(bare, 0, len(bare), marked=True)
    except OpenAnswerError:
        return None


def _number(bare: str) -> tuple[Figure | None, str]:
    """The number that all of `bare` is, and its measure."""
    figures = figures_in(bare) or figures_in_words(bare)
    if len(figures) != 1 or bare[: figures[0].start].strip(f" {MONEY}{{"):
        return None, ""
    figure = figures[0]
    rest = " ".join(re.sub(rf"[{{}}{MONEY}]", " ", bare[figure.end :]).split()).strip(" .")
    attached = re.search(r"[A-Za-z°]+$", bare[figure.start : figure.end])
    if not _UNIT_WORDS.fullmatch(rest):
        return None, ""
    word = (rest or (attached[0] if attached else "")).split(" ")[0].strip(".").casefold()
    return figure, _MEASURES.get(word) or _MEASURES.get(word.removesuffix("s"), "")


def _currency(text: str) -> str:
    signs = [sign for sign in text[:40] if sign in CURRENCIES]
    return signs[0] if len(signs) == 1 else ""  # '$5$' is a formula


def _listed(bare: str) -> str:
    """'(1, 2)' for a list of numbers with or without brackets; '' for anything else."""
    left, inner, right = "(", bare, ")"
    if bare[:1] + bare[-1:] in ("()", "[]", "{}"):
        left, inner, right = bare[0], bare[1:-1], bare[-1]
    figures = [_number(part.strip())[0] for part in inner.split(",")]
    numbers = [figure.text for figure in figures if figure and figure.value is not None]
    return f"{left}{', '.join(numbers)}{right}" if len(numbers) == len(figures) > 1 else ""
