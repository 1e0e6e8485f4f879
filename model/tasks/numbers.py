r"""One grammar of the numbers that people and models write, exact.

Numbers are '1,234.50', '1 000', '.5', '−3', '1/2', '1 1/2', '½', '\frac{1}{2}', '50%', '1e3', '3 x 10^8',
'2 million', '5th', '42 km'. No number are times, dates, versions, scores and ranges ('7:30',
'2024-01-15', '1.2.3', '3-2'), lists ('1,2': thousands come in groups of three), and what a symbol
multiplies ('5x', '2\sqrt{3}'). Where a number begins and ends is decided by the whole run of
characters: no part of '1.2.3' is a number.
"""  # noqa: RUF002

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

MOST_DIGITS = 100
"""Of a number: with more it is a text."""

_MINUS = dict.fromkeys(map(ord, "−–‒‑‐﹣"), "-")  # noqa: RUF001
_SIGNS = _MINUS | str.maketrans("×⋅·∙✕÷⁄∕“”„«»’`→⇒", '*****///"""""\' ==')  # noqa: RUF001
CURRENCIES = "$€£¥₹₩"
MONEY = "¤"
"""Stands in a levelled text for any of them."""

_BLANKED = (  # what says nothing of a number, with what stands there instead
    (re.compile(r"<\|[^|<>]{0,40}\|>|</?[a-zA-Z][a-zA-Z0-9]{0,15}/?>"), " "),
    (re.compile(r"(?<=[\d.])\[\d{1,2}\]|(?<=\d )\[\d{1,2}\]"), " "),  # a source
    (re.compile(r"~~[^~\n]{1,200}~~"), " "),  # struck out
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad|bigl?|bigr?)(?![a-zA-Z])"), " "),
    (re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname|emph)\s?\{"), "{"),
    (re.compile(r"\^\{?\\circ\}?|\\degree"), "°"),
    (re.compile(r"\\(?:times|cdot|ast)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:approx|simeq|sim)(?![a-zA-Z])"), "≈"),
    (re.compile(r"\\(?:geq?|gt)(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:leq?|lt)(?![a-zA-Z])"), "<"),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"(?<![<>=-])(?:=|--?)>"), "="),
    (re.compile(r"\\[()\[\];: ]|\\,(?!\d{3})|\\!(?!\d{3})|&nbsp;|\\\\"), " "),
    (re.compile(r"\*\*|__|(?<![\d)\s])\*(?!\d)|(?<![\d)\w])\*(?=[\w])"), " "),
)
_SIGN_BEFORE_CURRENCY = re.compile(rf"(?<!\d)-(\s?\\?[{CURRENCIES}])(?=\s?[.\d])")
_CURRENCY = re.compile(rf"\\?[{CURRENCIES}]")


def levelled(text: str) -> str:
    """`text`, as long as it was, in one set of characters: ASCII digits, '-' for every minus, `MONEY`
    for every currency, blanks for markup and control tokens."""
    text = text.replace(MONEY, " ")
    if not text.isascii():
        text = "".join(map(_level, text.translate(_SIGNS)))
    for pattern, instead in _BLANKED:
        if pattern.search(text):
            text = pattern.sub(lambda match, by=instead: by.rjust(len(match[0])), text)
    text = _SIGN_BEFORE_CURRENCY.sub(lambda match: MONEY.ljust(len(match[0]) - 1) + "-", text)
    return _CURRENCY.sub(lambda match: MONEY.rjust(len(match[0])), text)


def _level(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if "！" <= character <= "～":  # noqa: RUF001  full width
        return chr(ord(character) - 0xFEE0)
    return " " if unicodedata.category(character) in ("Zs", "Cf") else character


UNITS = frozenset(
    "kg g mg lb lbs oz km m cm mm mi ft in yd l L ml mL s sec ms min mins h hr hrs mph kph W kW kWh"
    " J kJ V Mb Gb kb mb gb Kb Hz kHz MHz GHz B kB KB MB GB TB C F px USD EUR GBP".split()
)
"""What may follow a number without a blank; words of three letters may as well."""

_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9,
           "trillion": 10**12, "dozen": 12, "k": 1000}  # fmt: skip
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

_DIGITS = rf"\d{{1,{MOST_DIGITS}}}"
_PLAIN = (
    r"(?:[1-9]\d{0,2}(?:(?:,|\{,\}|\\,|,\\!)\d{3})+|[1-9]\d{0,2}(?:[ ]\d{3})+|[1-9]\d{0,2}(?:['_]\d{3})+"
    rf"|{_DIGITS})(?:\.{_DIGITS})?|(?<!\.)\.{_DIGITS}"
)
_NUMBER = rf"""
    (?<![\w\\^{_VULGAR}])(?<!\d[.,:/'])(?<!\w-)(?<!\d-[\ ¤])(?<![_^]\{{)(?P<sign>(?<![\w)\]}}%])[-+]\ ?|\b(?:minus|negative)\ )?
    (?:
        (?:(?P<whole>\d{{1,9}})\s*)?\\[dtc]?frac\s*
            (?:\{{\s*(?P<top>-?\d{{1,15}})\s*\}}\s*\{{\s*(?P<bottom>\d{{1,15}})\s*\}}
            |(?P<top1>\d)\s*(?P<bottom1>\d))
      | (?:(?P<whole2>\d{{1,9}})\ ?)?(?P<vulgar>[{_VULGAR}])
      | (?:(?P<whole3>\d{{1,9}})\ )?(?P<top3>\d{{1,15}})\ ?/\ ?(?P<bottom3>\d{{1,15}})
      | (?P<plain>{_PLAIN})
        (?: [eE](?P<e>[-+]?\d{{1,3}})
          | \ {{0,9}}(?:\*|[xX])\ {{0,3}}10\ ?(?:\^\ ?\{{?\ ?(?P<ten>[-+]?\d{{1,3}})\}}?|(?P<tenth>[⁻{_SUPERSCRIPTS}]{{1,4}}))
          | \ ?\^\ ?\{{?(?P<power>-?\d{{1,3}})\}}?
          | (?P<super>[{_SUPERSCRIPTS}]{{1,3}})
        )?
    )
    (?![\d{_VULGAR}{_SUPERSCRIPTS}]|[.,:/'_]\d|-[\ ¤]?\.?\d|\ ?/\ ?\d|,\\!|\{{,\}}|\ ?[ap]\.?m\b)
    (?:[ ]?(?P<percent>%|per\ ?cent\b)|(?:[ ]?(?P<scale>hundred|thousand|[mb]illion|trillion|dozen)|(?P<k>k))\b
      |(?P<ordinal>st|nd|rd|th)\b)?
"""
_RUN = r"(?<![\w\\])[-+]?[\d.]*\d(?:(?:[.,:/'_]|-[\ ¤]?)\.?\d+)+(?:\ ?[ap]\.?m\b)?|(?<![\w\\])\d{1,2}\ ?[ap]\.?m\b"
_BRACED = r"\{[^{}\n]{0,60}(?:\{[^{}\n]{0,60}\}[^{}\n]{0,60}){0,3}\}"
_SYMBOLS = (
    rf"[-+]?[\d.]*\s?(?:\\[dtc]?frac\s*{_BRACED}\s*{_BRACED}|\\sqrt(?:\[\d+\])?\s*(?:{_BRACED}|\d)"
    rf"|√\s?\(?\d+\)?|\\pi\b|π)(?:\s?/\s?\d+)?"
)
_FIGURE = re.compile(
    rf"(?x:{_NUMBER})|(?P<run>(?x:{_RUN})|{_SYMBOLS}|(?<![\w\\])\d{{{MOST_DIGITS},}}(?:\.\d+)?)"
)
_DOTS = ("...", "…")
_ATTACHED = re.compile(
    rf"[^\W\d_]+[²³]?|\s?(?:√\s?\(?\d+\)?|\\(?:sqrt|pi|frac)\s?(?:{_BRACED})*|π)|\^\{{?\w+\}}?|-[^\W\d_]+|(?<=\d)(?:\.\.\.|…)"
)


class Figure(NamedTuple):
    """A place [start, end) of a text that holds a number, or what only looks like one."""

    start: int
    end: int
    value: Fraction | None  # None: a time, a range, a multiple of a symbol ...
    text: str  # in the one spelling that equal ones share
    percent: bool = False
    adjective: bool = False  # as in 'a 5-year plan'
    money: bool = False


def figures_in(text: str) -> list[Figure]:
    """All figures of a `levelled` text, in order, none inside another."""
    figures: list[Figure] = []
    for match in _FIGURE.finditer(text):
        if not figures or match.start() >= figures[-1].end:
            figures.append(_with_half(text, _figure(text, match)))
    return figures


_HALF = re.compile(
    r" and (?P<a>a half)\b|[ -](?:and )?(?:(?:a|one|two|three)[ -])?"
    r"(?:half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?)\b"
)


def _with_half(text: str, figure: Figure) -> Figure:
    """'2 and a half' is 2.5; of other parts in words ('two thirds') none is a number here."""
    match = _HALF.match(text, figure.end)
    if match is None or figure.value is None:
        return figure
    value = figure.value + Fraction(1, 2) if match["a"] else None
    spelled = (
        normal_text(text[figure.start : match.end()]) if value is None else spelled_number(value)
    )
    return figure._replace(end=match.end(), value=value, text=spelled)


def _figure(text: str, match: re.Match[str]) -> Figure:
    start, end = match.span()
    value = None if match["run"] else _value(match)
    attached = _ATTACHED.match(text, end)
    word = attached[0] if attached else ""
    adjective = word.startswith("-") or bool(match["ordinal"] and re.match(r" [a-z]", text[end:]))
    if attached and value is not None and not adjective:
        if word in _DOTS and "." not in match[0]:
            pass  # a sentence that trails off
        elif (unit := word.rstrip("²³")) in UNITS or (len(unit) > 2 and unit.isalpha()):
            end = attached.end()
        else:
            value, end = None, attached.end()
    if word in _DOTS and value is None and not match["run"]:
        return Figure(start, end, None, match[0] + "…")  # one that is not all there
    if value is None:
        return Figure(start, end, None, normal_text(text[start:end].replace(MONEY, " ")))
    percent = bool(match["percent"])
    money = text[max(start - 2, 0) : start].strip().endswith(MONEY)
    return Figure(
        start, end, value, spelled_number(value) + "%" * percent, percent, adjective, money
    )


def _value(match: re.Match[str]) -> Fraction | None:
    """None where it is none that can be written down: over 0, or of hundreds of digits."""
    part = match.groupdict()
    negative = -1 if (part["sign"] or "+")[0] in "-mn" else 1
    scale = _SCALES[part["scale"] or part["k"]] if part["scale"] or part["k"] else 1
    if part["plain"] is None:
        whole = int(part["whole"] or part["whole2"] or part["whole3"] or 0)
        top = int(part["top"] or part["top1"] or part["top3"] or 0)
        bottom = int(part["bottom"] or part["bottom1"] or part["bottom3"] or 1)
        if bottom == 0:
            return None
        share = Fraction(top, bottom)
        if part["vulgar"]:
            share = Fraction(unicodedata.numeric(part["vulgar"])).limit_denominator(10)
        return negative * (whole + share) * scale
    value = Fraction(re.sub(r"[^\d.]", "", part["plain"]))
    power = part["power"] or _lowered(part["super"])
    tens = part["e"] or part["ten"] or _lowered(part["tenth"])
    if power is not None:
        small = value and abs(int(power)) * len(part["plain"]) <= MOST_DIGITS
        value = value ** int(power) if small else None
    elif tens is not None:
        value = value * Fraction(10) ** int(tens) if abs(int(tens)) <= MOST_DIGITS else None
    return None if value is None else negative * value * scale


def _lowered(superscripts: str | None) -> str | None:
    if superscripts is None:
        return None
    digits = "".join("-" if c == "⁻" else str(unicodedata.digit(c)) for c in superscripts)
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
    shifted = abs(value.numerator) * 10**digits // value.denominator
    text = str(shifted).rjust(digits + 1, "0")
    whole, fraction = (text[:-digits], text[-digits:]) if digits else (text, "")
    return ("-" if value < 0 else "") + whole + (f".{fraction}" if digits else "")


def normal_text(text: str) -> str:
    """A text that is no number, in one spelling: without blanks around its signs, in small letters
    where it has words."""
    plain = re.sub(r"\s*([-+*/=:,^])\s*", r"\1", " ".join(text.split())).strip(" .;!\"'")
    plain = re.sub(r"^0(?=\d:)", "", plain)
    return plain.casefold() if re.search(r"[^\W\d_]{2}", plain) else plain


_ONES = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
} | {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_WORDS = "|".join(sorted({*_ONES, *_SCALES} - {"k"}, key=len, reverse=True))
_IN_WORDS = re.compile(
    rf"\b(?:(?:minus|negative) )?(?:{'|'.join(_ONES)})(?:(?:[ -]| and )(?:{_WORDS}))*\b", re.I
)


def figures_in_words(text: str) -> list[Figure]:
    """Numbers that a `levelled` text spells out, such as 'seventy-two'."""
    return [
        _with_half(text, Figure(match.start(), match.end(), value, spelled_number(value)))
        for match in _IN_WORDS.finditer(text)
        if (value := _of_words(match[0].casefold())) is not None
    ]


def _of_words(text: str) -> Fraction | None:
    """None for words that follow each other as no number's do, 'two three'."""
    total, group, last = 0, 0, 10**15
    words = re.split(r"[ -]", text)
    for word in (word for word in words if word not in ("and", "minus", "negative")):
        if word in _ONES:
            size = 10 if _ONES[word] < 10 else 100
            if last <= (10 if size == 10 else 99):
                return None
            group, last = group + _ONES[word], 1 if size == 10 else (10 if _ONES[word] < 20 else 20)
            last = 11 if _ONES[word] >= 20 else 1
        elif word in ("hundred", "dozen"):
            group, last = max(group, 1) * _SCALES[word], 100
        else:
            total, group, last = total + max(group, 1) * _SCALES[word], 0, 10**15
    sign = -1 if words[0] in ("minus", "negative") else 1
    return Fraction(sign * (total + group))
