r"""The final answer of a text, and when two answers are the same.

A careful reader takes the last place that says which number is the answer: a box, '####', 'The
answer is'. Where there is none, the last statement decides, if it says one number. Corrections
('wait, ...') overrule what stands before them; what is ruled out ('not 42 but 43'), questions,
checks of the result and steps' numbers are no answers. Where a text leaves it open, it has none.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .answer_values import same_value, value_of
from .numbers import MONEY, Figure, figures_in, levelled
from .statements import OpenAnswerError, stated

ANSWER_RULE = (
    "An answer is the number in the last box, after the last '####' or 'answer is', or in the "
    "last statement, corrections included; it is right where it equals the expected one exactly. "
    "Units and signs of currency are passed over; 50 % is both 50 and 0.5; times, dates, ranges "
    "and lists are no numbers; a text that leaves its answer open has none."
)
EQUALITY_RULE = (
    "Logged answers are the same where both are one number ('.5' and '1/2'), lists of the same "
    "numbers, or the same text; a number, a list and a text never are."
)
MOST_CHARACTERS = 20_000
"""Of a text that are looked at, its last ones: an answer comes at the end."""


class Found(NamedTuple):
    """An answer at [start, end) of a text, in its one spelling."""

    start: int
    end: int
    answer: str


def final_answer(text: str, after_cue: bool = False) -> Found | None:
    """What `text` gives as its answer, None where it gives none. Never raises.

    A text `after_cue` goes on from the words 'The answer is': its first statement is the answer,
    whatever a small model rambles on with.
    """
    stripped = text.strip()
    if len(stripped) < 16 and stripped.isascii() and stripped.isdigit():
        start = text.index(stripped)
        return Found(start, start + len(stripped), str(int(stripped)))
    before = 0 if after_cue else max(len(text) - MOST_CHARACTERS, 0)
    part = text[before : before + MOST_CHARACTERS]
    reader = _Reader(part, levelled(part))
    try:
        figure = reader.first() if after_cue else reader.last(reader.begin, len(part))
    except OpenAnswerError:
        return None
    return None if figure is None else _found(reader.level, figure, before)


def answer_part(text: str, after_cue: bool = False) -> str:
    """The part of `text` in which its answer stands: the last box, tag or line that is marked, else
    all that follows the thought. For answers that are no numbers."""
    part = text[-MOST_CHARACTERS:]
    reader = _Reader(part, levelled(part))
    end = reader._own_end(reader.begin, len(part))
    marks = [] if after_cue else sorted(reader._marked(reader.begin, end))
    if not marks:
        return part[reader.begin : end]
    _, kind, first, after = marks[-1]
    spans = reader._sentences_in(first, after) if kind == "marker" else [(first, after)]
    return part[slice(*spans[0])] if spans else ""


def answers_in(text: str) -> list[Found]:
    """Every number of `text`, in order."""
    level = levelled(text)
    return [_found(level, one) for one in figures_in(level) if one.value is not None]


def _found(level: str, figure: Figure, before: int = 0) -> Found:
    """`figure` with the sign of its currency, in a text that begins `before` that level."""
    start = level.rindex(MONEY, 0, figure.start) if figure.money else figure.start
    return Found(before + start, before + figure.end, figure.text)


def same_answer(one: str, other: str) -> bool:
    """Whether two answers are the same: as numbers where both are numbers, else as texts or lists.
    Where one is a text with a box or 'the answer is', what that gives is compared."""
    return same_value(value_of(_said(one)), value_of(_said(other)))


def spelled(answer: str) -> str:
    """An answer in the one spelling that votes compare: a number where it is one."""
    return value_of(_said(answer)).spelled


_SAYS_ANSWER = re.compile(r"\\f?box|####|\banswer(?: is\b|\W{0,4}[:=])", re.I)


def _said(answer: str) -> str:
    if not _SAYS_ANSWER.search(answer):
        return answer
    found, part = final_answer(answer), answer_part(answer)
    if found or re.search(r"\d", part):
        return found.answer if found else answer
    return part


_THOUGHT = re.compile(r"</?think(?:ing)?>|\[/?THINK\]", re.I)
_NEXT_QUESTION = re.compile(
    r"\n\s*\W{0,3}(?:Question|Q|Problem|Human|User|Instruction|Next question)\b[^\n:]{0,12}:", re.I
)
_SENTENCE = re.compile(r"[.!?](?=[\s*\"')\]]|$)[*\"')\]]*|\n+|。")
_NUMBERED = re.compile(r"^\W{0,4}\d{1,2}[.)][ \t]", re.M)
_ABBREVIATION = re.compile(r"\b(?:approx|no|vs|e\.g|i\.e|mr|mrs|ms|dr|st|etc|eq|fig|ca)\.$", re.I)
_BOX = re.compile(r"\\f?box(?:ed)?\s*(\{|\d+)")
_BOX_BEFORE = re.compile(r"\\f?box(?:ed)?\s*\{([^{}]*)\}[\s$]*(?:,? ?and|,|or|to|[-+*/])[\s$]*$")
_NO_BOX = re.compile(r"\bnot\s*(?:equal to\s*)?[\s$(]*$")
_TAG = re.compile(r"<(?:final_)?answer>(.{0,500}?)</(?:final_)?answer>", re.I | re.S)
_HASHES = re.compile(r"#### ?([^\n]{0,300})")
_MARKER = re.compile(
    r"\banswer\b(?:[ \W]{1,8}(?:to|for) [^.?!\n:=]{1,80}?)?"
    r"(?:[^.?!\n:=\d]{0,40}?\b(?:is|are|was|be|equals|becomes|comes (?:out )?to)\b[ \t]*:?"
    r"|\W{0,4}[:=]|\s{1,4}[-—]\s+|\W{0,4}\n)"
    r"|(?:^|\n)\W{0,4}(?:ans|a|result|output|final result)\W{0,4}[:=]",
    re.I,
)
_IS_THE_ANSWER = re.compile(
    r"\b(?:is|are|be) (?:the|my|our) (?:(?:final|correct|right) )?answer\b", re.I
)
_NOT = re.compile(r"\bnot\b|n't\b|\bcannot\b|\bnever\b", re.I)
_OTHERS_ANSWER = re.compile(
    r"\b(?:wrong|incorrect|naive|tempting|false|mistaken|earlier|previous|initial|first|original"
    r"|common)\s+(?:\w+\s+)?answer",
    re.I,
)
_CORRECTION = re.compile(
    r"(?:^|[.,;:!?…\n—-])\s*(?:oh,? |but |hmm,? )?(?:wait|no\b(?= ?[,.:!—-])|hold on|hang on"
    r"|actually|oops|correction|sorry|scratch that|edit ?:|update ?:|on second thought"
    r"|i made (?:a|an) \w+|my mistake|let me (?:re\w+|correct|fix)|i mean\b|i meant)",
    re.I,
)
_CONFIRMED = re.compile(
    r"\b(?:correct|right|yes|holds|matches|good|confirmed|checks out)\b|✓|✅", re.I
)
_CONFIRMS = re.compile(r"check|verif|confirm|sure|correct\b", re.I)
_NO_STATEMENT = re.compile(
    r"^\W*(?:(?:let me|let's|to|we can|i|quick|now,?|double[- ]?|then|a|sanity|as a)\s+){0,3}"
    r"(?:double[- ]?)?(?:check|verif|confidence|note\b|sanity|proof|recall|reminder|p\.?s)"
    r"|^\W*(?:the|this) (?:problem|question) (?:says|states|asks|tells|gives|wants)\b"
    r"|(?:wrong|incorrect|naive) answer|common (?:mistake|error)"
    r"|\b(?:let me know|hope (?:this|that|it)|feel free|if you (?:have|need|want|would|'d)"
    r"|happy to help|thanks? )|\?[\s*\"')]*$|^\s*\([^()]*[a-z]{2}[^()]*\)\s*$",
    re.I,
)
"""Checks, notes, politeness and questions."""

_NAME_HAS = (
    r"(?!(?:now|so|then|thus|hence|together|they|we|she|he|it|this|that)\b)[a-z]+ "
    r"(?:has|have|had|is|was|gets|got|costs?|weighs?|needs?)"
)
_ITEM = re.compile(
    rf"\W*(?:\d{{1,2}}[.)]\s+\W*)?([A-Za-z][\w' ]{{0,30}}:[\s*]*|{_NAME_HAS} )?"
    rf"{MONEY}?(\d[\d.,]{{0,20}}) ?(?:[a-z]+)?[^\w=]*$",
    re.I,
)
_LABELLED = re.compile(r"\W*[A-Za-z][\w']{0,20} ([a-z]{1,20}):")
_SUMS_UP = re.compile(
    r"\b(?:total|sum|answer|result|left|remain\w*|overall|all|together|net|final\w*|difference|change"
    r"|profit|average|cost|so|therefore|thus)\b",
    re.I,
)
_Span = tuple[int, int]


@dataclass(frozen=True)
class _Reader:
    """A text and the same `levelled`: places are the same in both."""

    text: str
    level: str

    @cached_property
    def begin(self) -> int:
        """Where the answer may begin: after the thought; one that does not end has none."""
        begin = 0
        for thought in _THOUGHT.finditer(self.text):
            begin = thought.end() if "/" in thought[0] else len(self.text)
        return begin

    def last(self, begin: int, end: int) -> Figure | None:
        """The final answer in [begin, end); raises OpenAnswerError where it is left open."""
        end = self._own_end(begin, end)
        for at, kind, first, after in sorted(self._marked(begin, end), reverse=True):
            figure = self._at_mark(kind, at, first, after)
            if figure is not None:
                return self._corrected(max(at, figure.end), end) or figure
        return self._corrected(begin, end) or self._concluded(begin, end)

    def first(self) -> Figure | None:
        """The answer in the first sentence that has one."""
        for start, end in self._sentences_in(self.begin, len(self.text)):
            for at, first, after in self._boxes:
                if start <= at < end:
                    return self._in_box(at, first, after)
            if figure := stated(self.level, start, end, marked=True):
                return figure
        return None

    def _own_end(self, begin: int, end: int) -> int:
        """Where further questions begin that a model asks itself after its answer."""
        for match in _NEXT_QUESTION.finditer(self.text, begin, end):
            if re.search(r"\d", self.text[begin : match.start()]):
                return match.start()
        return end

    def _marked(self, begin: int, end: int) -> Iterator[tuple[int, str, int, int]]:
        """Places that say that an answer is there: where each begins, its kind, and the text
        [first, after) that has the answer."""
        for at, first, after in self._boxes:
            if begin <= at < end:
                yield at, "box", first, after
        for match in _TAG.finditer(self.text, begin, end):
            yield match.start(), "tag", *match.span(1)
        for match in _HASHES.finditer(self.text, begin, end):
            yield match.start(), "line", *match.span(1)
        for match in _MARKER.finditer(self.level, begin, end):
            yield match.start(), "marker", match.end(), end
        for match in _IS_THE_ANSWER.finditer(self.level, begin, end):
            start = self._sentences[bisect_right(self._sentences, (match.start(), end)) - 1][0]
            yield match.start(), "line", max(start, begin), match.start()

    def _at_mark(self, kind: str, at: int, first: int, after: int) -> Figure | None:
        """The answer at a mark; None where it has none, as where it says which it is not."""
        if kind == "box":
            return self._in_box(at, first, after)
        if kind == "tag":
            return self.last(first, after)
        if kind == "line":
            return stated(self.level, first, after, marked=True)
        mark = self.level[at:first]
        if _NOT.search(mark) or _OTHERS_ANSWER.search(self.level[max(at - 30, 0) : first]):
            return None
        for start, end in self._sentences_in(first, after):
            if self.level[start:end].strip(f" *_`#\n\t.:\"'-[]{{}}{MONEY}"):
                return stated(self.level, start, end, marked=True)
        raise OpenAnswerError  # the text breaks off

    @cached_property
    def _boxes(self) -> list[tuple[int, int, int]]:
        r"""(where it stands, first, after) of the content of each `\boxed{}`; after is -1 where it
        is never closed."""
        closing: dict[int, int] = {}
        opened: list[int] = []
        for at, character in enumerate(self.text):
            if character == "{":
                opened.append(at)
            elif character == "}" and opened:
                closing[opened.pop()] = at
        return [
            (match.start(), match.end(), closing.get(match.end() - 1, -1))
            if match[1] == "{"
            else (match.start(), *match.span(1))
            for match in _BOX.finditer(self.text)
        ]

    def _in_box(self, at: int, first: int, after: int) -> Figure | None:
        content, before = self.text[first:after], self.level[max(at - 200, 0) : at]
        if after < 0:
            raise OpenAnswerError
        if not content.strip() or _NO_BOX.search(before):
            return None
        value, joined = value_of(content), _BOX_BEFORE.search(before)
        if joined and value_of(joined[1]) != value:
            raise OpenAnswerError  # several boxes are several answers
        percent = "%" if value.unit == "%" and not value.text.endswith("%") else ""
        return Figure(first, after, value.number, value.text + percent)

    def _corrected(self, begin: int, end: int) -> Figure | None:
        """What the last correction in [begin, end) says instead; None where there is none."""
        corrections = [*_CORRECTION.finditer(self.level, begin, end)]
        if not corrections:
            return None
        rest = self.level[corrections[-1].end() : end]
        if _CONFIRMED.search(rest) and _CONFIRMS.search(rest):
            return None
        return self._concluded(corrections[-1].end(), end)

    def _concluded(self, begin: int, end: int) -> Figure | None:
        """The number of the last statement that has one."""
        sentences = self._sentences_in(begin, end)
        words = not re.search(r"\d", self.level[begin:end])
        said = [span for span in sentences if not _NO_STATEMENT.search(self.level[slice(*span)])]
        if self._are_items(said[-2:]):
            raise OpenAnswerError
        for first, after in reversed(said):
            figure = stated(self.level, first, after, alone=len(sentences) == 1, words=words)
            if figure is not None:
                return figure
        return None

    def _are_items(self, last: list[_Span]) -> bool:
        """Whether the last two lines are of a list that is not summed up."""
        texts = [self.level[slice(*span)] for span in last]
        labels = [_LABELLED.match(text) for text in texts]
        if len(texts) == 2 and all(labels) and len({label[1] for label in labels if label}) == 1:
            return True  # 'Sam's age: 12. Tim's age: 4.'
        items = [_ITEM.match(text) for text in texts]
        numbers = {item[2] for item in items if item}
        named = all(item and item[1] for item in items)
        apart = len(numbers) == 2 and (named or self.level[: last[0][1]].endswith("\n"))
        return apart and not _SUMS_UP.search(texts[1])

    @cached_property
    def _sentences(self) -> list[_Span]:
        spans, start = [], 0
        numbered = len(_NUMBERED.findall(self.level)) > 1
        for match in _SENTENCE.finditer(self.level):
            end = match.start() + 1
            step = numbered and re.fullmatch(r"\W*\d{1,2}\.", self.level[start:end])
            if not step and not _ABBREVIATION.search(self.level[max(end - 9, start) : end]):
                spans.append((start, match.end()))
                start = match.end()
        return [*spans, (start, len(self.level))]

    def _sentences_in(self, begin: int, end: int) -> list[_Span]:
        """The sentences of [begin, end) that are not blank, cut to it."""
        cut = [(max(first, begin), min(after, end)) for first, after in self._sentences]
        return [span for span in cut if span[0] < span[1] and self.level[slice(*span)].strip()]
