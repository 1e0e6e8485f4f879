r"""One grammar of the numbers that people and models write, exact.

Numbers are '1,234.50', '1 000', '.5', '-3' with any minus, '1/2', '1 1/2', '\frac{1}{2}', '50%',
'1e3', '3 x 10^8', '2 million', '5th', '42 km'. No numbers are times, dates, versions, scores and
ranges ('7:30', '2024-01-15', '1.2.3', '3-2'), lists ('1,2': thousands come in groups of three), and
what multiplies a symbol ('5x', '2\sqrt{3}'). The whole run of characters decides: no part of
'1.2.3' is a number.
"""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

MOST_DIGITS = 100
"""Of a number: with more it is a text."""

CURRENCIES = "$€£¥₹₩"
MONEY = "¤"
"""Stands in a levelled text for any of them."""

_SIGNS = str.maketrans(
    "−–‒‑‐﹣" + "×⋅·∙✕" + "÷⁄∕" + "“”„«»" + "’`" + "→⇒",  # noqa: RUF001
    "------" + "*****" + "///" + '"""""' + "' " + "==",
)
_BLANKED = [  # what says nothing of a number, and what stands there instead
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"<\|[^|<>]{0,40}\|>|</?[a-zA-Z][a-zA-Z0-9]{0,15}/?>", " "),
        (r"(?<=[\d.])\[\d{1,2}\]|(?<=\d )\[\d{1,2}\]", " "),  # a source
        (r"~~[^~\n]{1,200}~~", " "),  # struck out
        (r"\\(?:left|right|displaystyle|quad|qquad|bigl?|bigr?)(?![a-zA-Z])", " "),
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname|emph)\s?\{", "{"),
        (r"\^\{?\\circ\}?|\\degree", "°"),
        (r"\\(?:times|cdot|ast)(?![a-zA-Z])", "*"),
        (r"\\div(?![a-zA-Z])", "/"),
        (r"\\(?:approx|simeq|sim)(?![a-zA-Z])", "≈"),
        (r"\\(?:geq?|gt)(?![a-zA-Z])", ">"),
        (r"\\(?:leq?|lt)(?![a-zA-Z])", "<"),
        (r"\\%", "%"),
        (r"(?<![<>=-])(?:=|--?)>", "="),
        (r"\\[()\[\];: ]|\\,(?!\d{3})|\\!(?!\d{3})|&nbsp;|\\\\", " "),
        (r"\*\*|__|(?<![\d)\s])\*(?!\d)|(?<![\d)\w])\*(?=[\w])", " "),
        (r"(?<!\w)_(?=[\w.-])|(?<=[\w.])_(?![\w{])", " "),
    )
]
_SIGN_BEFORE_CURRENCY = re.compile(rf"(?<!\d)-(\s?\\?[{CURRENCIES}])(?=\s?[.\d])")
_CURRENCY = re.compile(rf"\\?[{CURRENCIES}]")


def levelled(text: str) -> str:
    """`text`, as long as it was, in one set of characters: ASCII digits, '-' for every minus,
    `MONEY` for every currency, blanks for markup and control tokens."""
    text = text.replace(MONEY, " ")
    if not text.isascii():
        text = "".join(map(_level, text.translate(_SIGNS)))
    for pattern, instead in _BLANKED:
        text = _replaced(pattern, text, instead)
    text = _replaced(_SIGN_BEFORE_CURRENCY, text, f"{MONEY}-")
    return _replaced(_CURRENCY, text, MONEY)


def _replaced(pattern: re.Pattern[str], text: str, instead: str) -> str:
    return pattern.sub(lambda match: instead.rjust(len(match[0])), text)


def _level(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if "\uff01" <= character <= "\uff5e":  # full width
        return chr(ord(character) - 0xFEE0)
    return " " if unicodedata.category(character) in ("Zs", "Cf") else character


_UNITS = {
    "kg", "g", "mg", "lb", "oz", "km", "m", "cm", "mm", "mi", "ft", "in", "yd", "l", "L", "ml",
    "mL", "s", "ms", "h", "hr", "W", "kW", "J", "kJ", "V", "Hz", "B", "kb", "Kb", "Mb", "Gb",
    "mb", "gb", "kB", "KB", "MB", "GB", "TB", "C", "F", "px",
}  # fmt: skip
"""What may follow a number without a blank; words of three letters may as well."""

_SCALES = {"hundred": 100, "dozen": 12, "k": 1000, "thousand": 10**3, "million": 10**6,
           "billion": 10**9, "trillion": 10**12}  # fmt: skip
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_DIGITS = rf"\d{{1,{MOST_DIGITS}}}"
_GROUPS = r"(?:(?:,|\{,\}|\\,|,\\!)\d{3})+|(?:[ ]\d{3})+|(?:['_]\d{3})+"
_PLAIN = rf"(?:[1-9]\d{{0,2}}(?:{_GROUPS})|{_DIGITS})(?:\.{_DIGITS})?|(?<!\.)\.{_DIGITS}"
_BEGIN = rf"(?<![\w\\^{_VULGAR}])(?<!\d[.,:/'])(?<!\w-)(?<!\d-[\ {MONEY}])(?<![_^]\{{)"
_END = (
    rf"(?![\d{_VULGAR}{_SUPER}]|[.,:/'_]\d|-[\ {MONEY}]?\.?\d|\ ?/\ ?\d|,\\!|\{{,\}}"
    r"|\ ?[ap]\.?m\b)"
)
_NUMBER = rf"""
    {_BEGIN}(?P<sign>(?<![\w)\]}}%])[-+]\ ?|\b(?:minus|negative)\ )?
    (?:
        (?:(?P<whole>\d{{1,9}})\s*)?\\[dtc]?frac\s*
            (?:\{{\s*(?P<top>-?\d{{1,15}})\s*\}}\s*\{{\s*(?P<bottom>\d{{1,15}})\s*\}}
            |(?P<top1>\d)\s*(?P<bottom1>\d))
      | (?:(?P<whole2>\d{{1,9}})\ ?)?(?P<vulgar>[{_VULGAR}])
      | (?:(?P<whole3>\d{{1,9}})\ )?(?P<top3>\d{{1,15}})\ ?/\ ?(?P<bottom3>\d{{1,15}})
      | (?P<plain>{_PLAIN})
        (?: [eE](?P<e>[-+]?\d{{1,3}})
          | \ {{0,9}}(?:\*|[xX])\ {{0,3}}10\ ?
            (?:\^\ ?\{{?\ ?(?P<ten>[-+]?\d{{1,3}})\}}?|(?P<tenth>[⁻{_SUPER}]{{1,4}}))
          | \ ?\^\ ?\{{?(?P<power>-?\d{{1,3}})\}}?
          | (?P<super>[{_SUPER}]{{1,3}})
        )?
    )
    {_END}
    (?:\ ?(?P<percent>%|per\ ?cent\b)
      |(?:\ ?(?P<scale>hundred|thousand|[mb]illion|trillion|dozen)|(?P<k>k))\b
      |(?P<ordinal>st|nd|rd|th)\b)?
"""
_BRACED = r"\{[^{}\n]{0,60}(?:\{[^{}\n]{0,60}\}[^{}\n]{0,60}){0,3}\}"
_NO_NUMBER = (
    rf"(?<![\w\\])(?:[-+]?[\d.]{{0,99}}\d(?:(?:[.,:/'_]|-[ {MONEY}]?)\.?\d+)+(?: ?[ap]\.?m\b)?"
    rf"|\d{{1,2}} ?[ap]\.?m\b|\d{{{MOST_DIGITS},}}(?:\.\d+)?)"
    rf"|(?<![\d.])[-+]?[\d.]{{0,30}}\s?(?:\\[dtc]?frac\s*{_BRACED}\s*{_BRACED}|\\pi\b|π"
    rf"|\\sqrt(?:\[\d+\])?\s*(?:{_BRACED}|\d)|√\s?\(?\d+\)?)(?:\s?/\s?\d+)?"
)
_FIGURE = re.compile(rf"(?x:{_NUMBER})|(?P<other>{_NO_NUMBER})")
_DOTS = ("...", "…")
_ATTACHED = re.compile(
    rf"[^\W\d_]+[²³]?|\s?(?:√\s?\(?\d+\)?|\\(?:sqrt|pi|frac)\s?(?:{_BRACED})*|π)|\^\{{?\w+\}}?"
    r"|-[^\W\d_]+|‰|(?<=\d)(?:\.\.\.|…)"
)
_COMPOUND = re.compile(r"-[^\W\d_]")
_HALF = re.compile(
    r" and (?P<a>a half)\b|(?<=[a-z])[ -](?:and )?(?:(?:a|one|two|three)[ -])?"
    r"(?:half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?)\b"
)


class Figure(NamedTuple):
    """A place [start, end) of a text that holds a number, or what only looks like one."""

    start: int
    end: int
    value: Fraction | None  # None: a time, a range, a multiple of a symbol ...
    text: str  # in the one spelling that equal ones share
    adjective: bool = False  # as in 'a 5-year plan', 'the 5th term'
    money: bool = False

    @property
    def percent(self) -> bool:
        """Whether it is so many per cent."""
        return self.value is not None and self.text.endswith("%")


def figures_in(level: str) -> list[Figure]:
    """All figures of a `levelled` text, in order, none inside another."""
    figures: list[Figure] = []
    for match in _FIGURE.finditer(level):
        if not figures or match.start() >= figures[-1].end:
            figures.append(_with_half(level, _figure(level, match)))
    return figures


def _figure(level: str, match: re.Match[str]) -> Figure:
    start, end = match.span()
    value = None if match["other"] else _value(match)
    attached = _ATTACHED.match(level, end)
    word = attached[0] if attached else ""
    unit = word.rstrip("²³")
    compound = word.startswith("-")
    if word in _DOTS and value is not None and "." in match[0]:
        return Figure(start, end + len(word), None, match[0] + "…")  # a decimal that goes on
    if word and value is not None and not compound and word not in _DOTS:
        end += len(word)
        if unit not in _UNITS and (len(unit) < 3 or not unit.isalpha()):
            value = None
    if value is None:
        return Figure(start, end, None, normal_text(level[start:end].replace(MONEY, " ")))
    ordinal = match["ordinal"] and re.match(r" [a-z]", level[end : end + 2])
    money = level[max(start - 2, 0) : start].strip().endswith(MONEY)
    text = spelled_number(value) + ("%" if match["percent"] else "")
    return Figure(start, end, value, text, compound or bool(ordinal), money)


def _with_half(level: str, figure: Figure) -> Figure:
    """'2 and a half' is 2.5; of other parts in words ('two thirds') none is a number here."""
    match = _HALF.match(level, figure.end)
    if match is None or figure.value is None:
        return figure
    value = figure.value + Fraction(1, 2) if match["a"] else None
    text = (
        normal_text(level[figure.start : match.end()]) if value is None else spelled_number(value)
    )
    return figure._replace(end=match.end(), value=value, text=text)


def _value(match: re.Match[str]) -> Fraction | None:
    """None where it is none that can be written down: over 0, or of hundreds of digits."""
    part = match.groupdict()
    sign = -1 if (part["sign"] or "+")[0] in "-mn" else 1
    scale = _SCALES[part["scale"] or part["k"]] if part["scale"] or part["k"] else 1
    value = _fraction(part) if part["plain"] is None else _decimal(part)
    return None if value is None else sign * value * scale


def _fraction(part: dict[str, str | None]) -> Fraction | None:
    whole = int(part["whole"] or part["whole2"] or part["whole3"] or 0)
    if part["vulgar"]:
        return whole + Fraction(unicodedata.numeric(part["vulgar"])).limit_denominator(10)
    bottom = int(part["bottom"] or part["bottom1"] or part["bottom3"] or 0)
    top = int(part["top"] or part["top1"] or part["top3"] or 0)
    return whole + Fraction(top, bottom) if bottom else None


def _decimal(part: dict[str, str | None]) -> Fraction | None:
    plain = part["plain"] or ""
    value = Fraction(re.sub(r"[^\d.]", "", plain))
    power = part["power"] or _lowered(part["super"])
    tens = part["e"] or part["ten"] or _lowered(part["tenth"])
    if power is not None:
        small = value != 0 and abs(int(power)) * len(plain) <= MOST_DIGITS
        return Fraction(value ** int(power)) if small else None
    if tens is not None:
        return value * Fraction(10) ** int(tens) if abs(int(tens)) <= MOST_DIGITS else None
    return value


def _lowered(superscripts: str | None) -> str | None:
    digits = (superscripts or "").translate(str.maketrans(_SUPER + "⁻", "0123456789-"))
    return digits if re.fullmatch(r"-?\d+", digits) else None


def spelled_number(value: Fraction) -> str:
    """'18', '0.5', '1/3': a decimal where there is a finite one."""
    rest, digits = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        digits = max(digits, count)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    text = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    fraction = f".{text[-digits:]}" if digits else ""
    return ("-" if value < 0 else "") + text[: len(text) - digits] + fraction


def normal_text(text: str) -> str:
    """A text that is no number, in one spelling: without blanks around its signs, in small letters
    where it has words."""
    plain = re.sub(r"\s*([-+*/=:,^])\s*", r"\1", " ".join(text.split())).strip(" .;!\"'")
    plain = re.sub(r"(?<=\d) ?([ap])\.?m\b", r"\1m", re.sub(r"^0(?=\d:)", "", plain), flags=re.I)
    return plain.casefold() if re.search(r"[^\W\d_]{2}", plain) else plain


_ONES = {word: number for number, word in enumerate((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
))}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
         "eighty": 80, "ninety": 90}  # fmt: skip
_COUNTS = "|".join((*_ONES, *_TENS))
_IN_WORDS = re.compile(
    rf"\b(?:(?:minus|negative) )?(?:{_COUNTS})\b"
    rf"(?:(?:[ -]| and )(?:{_COUNTS}|hundred|thousand|million|billion|trillion|dozen)\b)*",
    re.I,
)


def figures_in_words(level: str) -> list[Figure]:
    """Numbers that a `levelled` text spells out, such as 'seventy-two'."""
    return [
        _with_half(
            level,
            Figure(
                *match.span(),
                value,
                spelled_number(value),
                bool(_COMPOUND.match(level, match.end())),
            ),
        )
        for match in _IN_WORDS.finditer(level)
        if (value := _of_words(re.split("[ -]", match[0].casefold()))) is not None
    ]


def _of_words(words: list[str]) -> Fraction | None:
    """None for words that follow each other as no number's do, 'two three'."""
    sign = -1 if words[0] in ("minus", "negative") else 1
    total, group, room = 0, 0, 100  # `room`: what comes next is smaller
    for word in words:
        if (count := _ONES.get(word, _TENS.get(word))) is not None:
            if count >= room:
                return None
            group, room = group + count, 10 if word in _TENS else 0
        elif word in ("hundred", "dozen"):
            group, room = group * _SCALES[word], 100
        elif word in _SCALES:
            total, group, room = total + group * _SCALES[word], 0, 100
    return Fraction(sign * (total + group))
