r"""The final answer of a text, and when two answers are the same.

A careful reader takes the last place that says which number is the answer: a box, '####', 'The
answer is'. Where there is none, the last statement decides, if it says one number. Corrections
('wait, ...') overrule what stands before them; what is ruled out ('not 42 but 43'), questions,
checks of the result and steps' numbers are no answers. Where a text leaves it open, it has none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .numbers import CURRENCIES, MONEY, Figure, figures_in, figures_in_words, levelled, normal_text

ANSWER_RULE = (
    "An answer is the number in the last box, after the last '####' or 'answer is', or in the last "
    "statement, corrections included; right where it equals the expected one exactly. Units and "
    "signs of currency are passed over; 50 % is both 50 and 0.5; times, dates, ranges and lists are "
    "no numbers; a text that leaves its answer open has none."
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


class _OpenError(Exception):
    """The text has come to its answer, and does not say one."""


_THOUGHT = re.compile(r"</?think(?:ing)?>|\[/?THINK\]", re.I)
_NEXT_QUESTION = re.compile(
    r"\n\s*\W{0,3}(?:Question|Q|Problem|Human|User|Instruction|Next question)\b[^\n:]{0,12}:", re.I
)
_BOX = re.compile(r"\\f?box(?:ed)?\s*(\{|\d+)")
_TAG = re.compile(r"<(?:final_)?answer>(.{0,2000}?)</(?:final_)?answer>", re.I | re.S)
_HASHES = re.compile(r"#### ?([^\n]{0,300})")
_WORD = r"(?:is|are|was|be|equals|becomes|comes (?:out )?to|would be|should be)"
_MARKER = re.compile(
    rf"\banswer\b(?:[ \W]*(?:to|for) [^.?!\n:=]{{1,80}}?)?(?:[^.?!\n:=\d]{{0,40}}?\b{_WORD}\b[ \t]*:?|\W{{0,4}}[:=]|\s+[-—]\s+|\W{{0,4}}\n)"
    r"|(?:^|\n)\W{0,4}(?:ans|a|result|output|final result)\W{0,4}[:=]",
    re.I,
)
_IS_THE_ANSWER = re.compile(
    r"\b(?:is|are|be) (?:the|my|our) (?:(?:final|correct|right) )?answer\b", re.I
)
_CORRECTION = re.compile(
    r"(?:^|[.,;:!?…\n—-]|\.\.\.)\s*(?:oh,? |but |hmm,? )?(?:wait|no\b(?= ?[,.:!—-])|hold on|hang on|actually|oops|correction|"
    r"sorry|scratch that|edit ?:|update ?:|on second thought|i made (?:a|an) \w+|my mistake|let me (?:re\w+|correct|fix)|i mean\b|i meant)",
    re.I,
)
_CHECKING = re.compile(
    r"^\W*(?:(?:let me|let's|to|we can|i|quick|now,?|double[- ]?|then|a|sanity|as a)\s+){0,3}(?:double[- ]?)?"
    r"(?:check|verif|confidence|note\b|sanity|proof|recall|reminder|p\.?s)",
    re.I,
)
_OTHERS_ANSWER = re.compile(
    r"\b(?:wrong|incorrect|naive|tempting|false|mistaken|earlier|previous|initial|first|original|common)\s+(?:\w+\s+)?answer", re.I
)
_POLITE = re.compile(
    r"(?:wrong|incorrect|naive) answer|common (?:mistake|error)|"
    r"\b(?:let me know|hope (?:this|that|it)|feel free|if you (?:have|need|want|would|'d)|happy to help|thanks? )",
    re.I,
)
_CONFIRMED = re.compile(
    r"\b(?:correct|right|yes|holds|matches|good|confirmed|checks out)\b|✓|✅", re.I
)
_ABBREVIATION = re.compile(r"\b(?:approx|no|vs|e\.g|i\.e|mr|mrs|ms|dr|st|etc|eq|fig|ca)\.$", re.I)
_SENTENCE = re.compile(r"[.!?](?=[\s*\"')\]]|$)[*\"')\]]*|\n+|。")


def final_answer(text: str, after_cue: bool = False) -> Found | None:
    """What `text` gives as its answer, None where it gives none. Never raises.

    A text `after_cue` goes on from the words 'The answer is': its first statement is the answer,
    whatever a small model rambles on with.
    """
    if text.isascii() and text.strip().isdigit() and len(text) < 16:
        at = len(text) - len(text.lstrip())
        return Found(at, at + len(text.strip()), str(int(text)))
    begin = max(len(text) - MOST_CHARACTERS, 0) if not after_cue else 0
    for thought in _THOUGHT.finditer(text, begin):
        begin = thought.end() if "/" in thought[0] else len(text)  # one that goes on has no answer
    reader = _Reader(text, levelled(text))
    try:
        figure = reader.first(begin) if after_cue else reader.last(begin, len(text))
    except _OpenError:
        return None
    return None if figure is None else Found(figure.start, figure.end, figure.text)


def answers_in(text: str) -> list[Found]:
    """Every number of `text`, in order."""
    return [
        Found(f.start, f.end, f.text) for f in figures_in(levelled(text)) if f.value is not None
    ]


@dataclass(frozen=True)
class _Reader:
    text: str
    level: str  # as `levelled`: places are the same in both

    def last(self, begin: int, end: int) -> Figure | None:
        """The final answer in [begin, end); raises _OpenError where it is left open."""
        begin, end = self._own_part(begin, end)
        for at, place in sorted(self._marked(begin, end), reverse=True):
            figure = self._stated(place, end)
            if figure is not None:
                return self._corrected(max(at, figure.end), end) or figure
        return self._corrected(begin, end) or self._concluded(begin, end)

    def first(self, begin: int) -> Figure | None:
        """The answer in the first sentence that has one."""
        for start, end in self._sentences(begin, len(self.text)):
            box = next(self._boxes(start, len(self.text)), None)
            if box and box[0] < end:
                return self._in_box(box)
            if figure := _statement(self.level, start, end, marked=True):
                return figure
        return None

    def _own_part(self, begin: int, end: int) -> tuple[int, int]:
        """Without further questions that a model asks itself after its answer."""
        for match in _NEXT_QUESTION.finditer(self.text, begin, end):
            if re.search(r"\d", self.text[begin : match.start()]):
                return begin, match.start()
        return begin, end

    def _marked(self, begin: int, end: int) -> Iterator[tuple[int, tuple[str, int, int]]]:
        """Places that say that an answer is there: where they stand, of which kind, its text."""
        for box in self._boxes(begin, end):
            yield box[0], ("box", *box[1:])
        for match in _TAG.finditer(self.text, begin, end):
            yield match.start(), ("tag", match.start(1), match.end(1))
        for match in _HASHES.finditer(self.text, begin, end):
            yield match.start(), ("line", match.start(1), match.end(1))
        for match in _MARKER.finditer(self.level, begin, end):
            yield match.start(), ("marker", match.end(), match.start())
        for match in _IS_THE_ANSWER.finditer(self.level, begin, end):
            starts = [s for s, _ in self._sentences(begin, end) if s <= match.start()]
            yield match.start(), ("before", starts[-1], match.start())

    def _boxes(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(where it stands, first, after) of the content of each box; an unclosed one has none."""
        for match in _BOX.finditer(self.text, begin, end):
            if match[1] != "{":
                yield match.start(), match.start(1), match.end(1)
                continue
            depth, at = 1, match.end()
            while depth and at < end:
                depth += {"{": 1, "}": -1}.get(self.text[at], 0)
                at += 1
            yield match.start(), match.end(), at - 1 if depth == 0 else -1

    def _stated(self, place: tuple[str, int, int], end: int) -> Figure | None:
        kind, start, after = place
        if kind == "box":
            return self._in_box((start, start, after))
        if kind in ("line", "before"):
            return _statement(self.level, start, after, marked=True)
        if kind == "tag":
            return self.last(start, after)
        mark = self.level[max(after - 30, 0) : start]
        if re.search(r"\bnot\b|n't\b|\bcannot\b|\bnever\b", mark[-(start - after) :]):
            return None
        if _OTHERS_ANSWER.search(mark):
            return None
        for first, last in self._sentences(start, end):
            if self.level[first:last].strip(" *_`#\n\t.:\"'-[]{}$") and not self._is_box(
                first, last
            ):
                return _statement(self.level, first, last, marked=True)
        if not any(self.level[start:end].strip(" *_`#\n\t.:")):
            raise _OpenError  # the text breaks off
        return None

    def _is_box(self, first: int, last: int) -> bool:
        return "\\boxed" in self.text[first:last]

    def _in_box(self, box: tuple[int, int, int]) -> Figure | None:
        at, start, end = box
        if end < 0:
            raise _OpenError
        content = self.text[start:end]
        before = self.level[max(at - 200, 0) : self.text.rfind("\\", 0, start)]
        joined = re.search(
            r"\\f?box(?:ed)?\s*\{([^{}]*)\}[\s$]*(?:,|and|or|to|,? ?and|[-+*/])[\s$]*$", before
        )
        if joined and _plain_value(joined[1]) != _plain_value(content):
            raise _OpenError  # several boxes are several answers
        if re.search(r"\bnot\s*(?:equal to\s*)?[\s$(]*$", before):
            return None
        value = _plain_value(content)
        if not content.strip():
            return None
        return Figure(start, end, value.number, value.text, value.unit == "%")

    def _corrected(self, after: int, end: int) -> Figure | None:
        """What the last correction in [after, end) says instead; None where there is none."""
        for match in [*_CORRECTION.finditer(self.level, after, end)][-1:]:
            rest = self.level[match.end() : end]
            if _CONFIRMED.search(rest) and re.search(
                r"check|verif|confirm|sure|correct\b", rest, re.I
            ):
                return None
            return self._concluded(match.end(), end)
        return None

    def _concluded(self, begin: int, end: int) -> Figure | None:
        """The number of the last statement that has one."""
        sentences = [*self._sentences(begin, end)]
        all_words = not any(c.isdigit() for c in self.level[begin:end])
        for start, stop in reversed(sentences):
            sentence = self.level[start:stop]
            if sentence.rstrip(" *\"')\n").endswith("?") or _CHECKING.search(sentence):
                continue
            if _POLITE.search(sentence):
                continue
            figure = _statement(self.level, start, stop, alone=len(sentences) == 1, words=all_words)
            if figure is not None:
                return figure
        return None

    def _sentences(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        start = begin
        for match in _SENTENCE.finditer(self.level, begin, end):
            if _ABBREVIATION.search(self.level, max(start, match.start() - 8), match.start() + 1):
                continue
            if self.level[start : match.end()].strip():
                yield start, match.end()
            start = match.end()
        if self.level[start:end].strip():
            yield start, end


# One statement.

_LABEL = re.compile(
    r"\b(?:steps?|days?|week|month|year|hour|part|case|option|problem|question|q|example|equation|exercise|chapter|page|"
    r"line|method|number|no\.|level|grade|room|version|round|item|attempt|approach|rule|figure|table)\s?#?$",
    re.I,
)
_OPERATION_AFTER = re.compile(
    r"[ )\]}]*(?:/?[a-z]+[ )]+){0,3}(?:(?:[+*/^]|-(?=\s*[\d(]))\s*[({\[]*\s*[-+]?(?:\d|\.\d|\\|\(|[a-z]\b)"
    r"|(?:plus|minus|times|divided by|multiplied by|x)\s+[-+(]*(?:\d|\.\d|\\))",
    re.I,
)
_OPERATION_BEFORE = re.compile(
    r"(?:\d[\w%)\]} ]{0,30}?\s*(?:[-+*/^]|\bplus|\bminus|\btimes|\bdivided by|\bmultiplied by)|\d x|(?:\b[a-z]|\))\s*[-+*/^]"
    r"|[a-z]\s*[+*/^])\s*[({\[]*\s*$",
    re.I,
)
_QUALIFIER = re.compile(
    r"\b(?:after|by|while|when|for|from|before|without|since|of|in)\s+[a-z]+ing\s+(?:the\s+)?$|"
    r"\b(?:assuming|given|considering|including|excluding|counting|using)\b[^.,]{0,40}$|"
    r"(?<!need )(?<!needs )(?<!needed )(?<!has )(?<!have )(?<!had )(?<!must )\bto [a-z]+\s+$|"
    r"\b(?:in|for|from|after|before|per|with|by|on|at|within|during|every|between|among|into|since|until|each|of|out of|to)\s+"
    r"(?:(?:the|a|an|those|these|his|her|their|its|all|about|each|every|another|exactly|only|just|first|last|other|next|remaining|original|only)\s+){0,2}$",
    re.I,
)
_SUBORDINATE = re.compile(
    r"\b(?:after|since|because|if|when|while|given|although|before|with|for|by|in|at|from|of|as)\b[^,;]{0,80}$",
    re.I,
)
_TOTAL_OF = re.compile(
    r"\b(?:total|sum|amount|average|mean|profit|cost|price|value|distance|age|score|height|length|weight|change|maximum|"
    r"minimum|result|answer|number|difference|product|balance|speed|remainder|comes|adds? up|amounts?|equal|reduced|increased?s?|left|ends? up|finish(?:es)?)\s+(?:of|to|with)\s+"
    r"(?:(?:about|exactly|just|only)\s+)?$",
    re.I,
)
_RULED_OUT = re.compile(
    r"(?:\b(?:can)?not|n't|\bnever|\binstead of|\brather than|\bother than|\bunlike|\bneither|\bnor)\s+(?:(?:be|equal to|equal|the|exactly|just|is|to)\s+){0,2}$",
    re.I,
)
_WRONG_AFTER = re.compile(
    r"^\s*(?:can't|cannot|could not|couldn't|won't|doesn't|does not|would be wrong)\b|"
    r"^\W{0,3}(?:[a-z]+\s){0,1}(?:(?:is|was|would be|seems|looks)\s+(?:\w+\s)?(?:not|wrong|incorrect|too|impossible)|isn't|wasn't|\(?(?:wrong|incorrect))",
    re.I,
)
_COMPARED = re.compile(
    r"(?:[<>≤≥≠±]|\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than|\bat (?:least|most)|\bup to|\balmost|\bnearly|\bover|"
    r"\bunder|\babove|\bbelow|\bbetween|\beither)\s*$",
    re.I,
)
_CERTAINTY = re.compile(r"^\s*(?:%\s*)?(?:confident|sure|certain|confidence)", re.I)
_JOINED = re.compile(
    r"^(?:\s+[a-z]+){0,2}\s*(?:,?\s+(?:and|or|to|through|&)|,|±|;)\s+(?:(?:also|then|another|about|possibly|maybe)\s+)?(?:[A-Za-z]\s?=\s?)?$"
    r"|^\s*±\s*$",
    re.I,
)
_ENDS_LIST = re.compile(r"\s*(?:[a-z]+\s*)?(?:[,;.)}\]]|$|and\b|or\b)", re.I)
_PARTS = re.compile(
    r"^\s*(?:hours?|hrs?|h|minutes?|mins?|feet|foot|ft|pounds?|lbs?|days?|weeks?|years?|months?|km|m|dollars?|degrees|remainder|r|°|'|mod)"
    r"\.?\s*(?:,|and)?\s*$",
    re.I,
)
_DIRECT = re.compile(
    r"^[\W_]*(?:(?:that|it|there|this|is|it's|are|be|just|exactly|about|approximately|approx|around|roughly|simply|now|still|"
    r"equal|equals|to|a|an|the|total|of|value|number|x|y|n|only|will|would|should|likely|probably|might|could|may|yes|so|text|usd|eur|gbp)\b[\W_]*){0,6}$",
    re.I,
)
_BARE = re.compile(
    r"^[\W_]*(?:(?:is|it's|just|exactly|about|approximately|around|roughly|equal to|equals|x|usd)\b[\W_]*){0,3}$",
    re.I,
)
_COPULA = re.compile(
    r"(?<!\bthere )\b(?:is|are|was|were|equals|equal to|will be|would be|comes to|totals|makes?)\s+(?:(?:about|exactly|only|just|approximately|then|now|therefore|thus|a|total|of)\s+){0,3}$",
    re.I,
)
_CONCLUSION = re.compile(
    r"[,;:—-]\s*(?:and\s+)?(?:so|thus|hence|therefore|then)\b|\b(?:therefore|thus|hence|consequently|which (?:is|means|gives|makes|equals|leaves)|"
    r",\s*(?:giving|making|leaving|yielding|totall?ing|resulting in)(?: us| him| her| them| you| it)?|"
    r"(?:[\d)%]|\bthis|\bthat|\bwhich|\bit)\s+(?:gives|makes|yields|leaves)(?: us| him| her| them| you)?|"
    r"\brounds (?:up |down )?to|\brounded (?:up |down )?to|\bfor a total of|\bto get|\bwe get|\bi get|\badds up to|"
    r"add up to|comes to|amounts to|equals|is equal to|a total of|,\s*(?!assuming|including|excluding|using|considering|counting|having|being)[a-z]+ing(?=\s+(?:[a-z]+\s+){0,3}\d)|(?:^|[,;:]\s*)(?:in total|altogether|overall|in all)\b,?|but (?:it |the \w+ )?(?:should be|is actually|actually|is)|but(?= \d))",
    re.I,
)
_REASON = re.compile(
    r"\d[^.]{0,80}?(,?\s+(?:because\b|since\b|which (?:satisf|match|agree|check|confirm)|#\s|//\s))"
    r"|^[^:]*\b(?:has|have|had|is|are|was|were|gets?|makes?|total(?: of)?|needs?) ¤?[\d.,]{1,20}%?(?: \w+)?(:)\s",
    re.I,
)
"""What follows says why, or of what: '8 pets: 3 cats and 5 dogs'."""
_BULLET = re.compile(r"^\s*(?:[-*•]\s+(?=\D|[\d.,]+\s+(?!degree)[a-z])|\(?\d{1,2}[.)]\s+(?=\S))")


def _statement(
    level: str, start: int, end: int, marked: bool = False, alone: bool = False, words: bool = False
) -> Figure | None:
    """The one number that the sentence level[start:end] gives as its answer; None where it has no
    number; raises _OpenError where it has several, or one that is ruled out or only compared."""
    bullet = _BULLET.match(level[start:end])
    if bullet:
        start += bullet.end()
    reason = _REASON.search(level[start:end])
    if reason:
        end = start + reason.start(reason.lastindex or 1)
    everything = figures_in(level[start:end])
    sentence = level[start:end].replace(MONEY, " ")
    if not everything and (
        marked or alone or words or re.match(r"\W*(?:so|thus|hence|therefore)\b", sentence, re.I)
    ):
        everything = figures_in_words(sentence)
        everything = [f for f in everything if f.text != "1" or _counts(sentence, f)]
    if not words and figures_in_words(sentence):
        told = [f for f in figures_in_words(sentence) if _COPULA.search(sentence[: f.start])]
        kept = [f for f in told if _counts(sentence, f) and f not in everything]
        everything = sorted([*everything, *kept])
    outside = [f for f in everything if not _in_brackets(sentence, f)]
    tuples = _tuple_in(sentence) if marked or alone else None
    if tuples is not None:
        return _moved(tuples, start)
    figures = _usable(sentence, outside or everything)
    if not figures:
        if everything and not all(_is_label(sentence, f) for f in everything) and not marked:
            raise _OpenError
        return None
    return _moved(_chosen(sentence, figures, everything, marked, alone), start)


def _counts(sentence: str, figure: Figure) -> bool:
    """Whether 'one' is a number there, and not somebody or something."""
    before = re.search(
        r"\b(?:no|first|last|second|next|this|that|which|each|every|the|any|some|right|wrong)\s+$",
        sentence[: figure.start],
        re.I,
    )
    return before is None and not re.match(
        r"\s+(?:of|who|that|can|by|at|day|thing|way)\b", sentence[figure.end :]
    )


def _moved(figure: Figure, by: int) -> Figure:
    return figure._replace(start=figure.start + by, end=figure.end + by)


def _tuple_in(sentence: str) -> Figure | None:
    """A list in brackets right at its beginning."""
    match = re.search(r"\(\s*[^()\n]{1,60},[^()\n]{1,60}\)", sentence)
    if (
        match
        and _DIRECT.match(sentence[: match.start()])
        and re.fullmatch(r"[-+\s\d.,/()]+", match[0])
    ):
        return Figure(match.start(), match.end(), None, _plain_value(match[0]).text)
    return None


def _in_brackets(sentence: str, figure: Figure) -> bool:
    before = sentence[: figure.start]
    opened = before.rfind("(")
    if opened <= before.rfind(")"):
        return False
    return bool(re.search(r"[\w,;:] *$", sentence[:opened])) or bool(
        re.search("[A-Za-z]", sentence[opened:])
    )


def _is_label(sentence: str, figure: Figure) -> bool:
    before, after = sentence[: figure.start], sentence[figure.end :]
    return bool(
        figure.adjective
        or _LABEL.search(before.rstrip(" :"))
        or _CERTAINTY.match(after)
        or re.search(r"\b[A-Za-z]\($", before)  # f(3)
        or (before.endswith("|") and after.startswith("|") and figure.text.startswith("-"))
    )


def _usable(sentence: str, figures: Sequence[Figure]) -> list[Figure]:
    """Those that are neither labels nor ruled out."""
    kept = []
    for figure in figures:
        before, after = sentence[: figure.start], sentence[figure.end :]
        ruled_out = _RULED_OUT.search(before) or _WRONG_AFTER.match(after)
        if not _is_label(sentence, figure) and not ruled_out:
            kept.append(figure)
    return kept


def _in_operation(sentence: str, figure: Figure) -> bool:
    sign = re.match(r"[-+]|minus ", sentence[figure.start :])
    before = sentence[: figure.start] + (sign[0] if sign else "")
    return bool(
        _OPERATION_AFTER.match(sentence, figure.end) or _OPERATION_BEFORE.search(before[-80:])
    )


def _chosen(
    sentence: str,
    figures: Sequence[Figure],
    everything: Sequence[Figure],
    marked: bool,
    alone: bool,
) -> Figure:
    first = figures[0]
    equals = [m.start() for m in re.finditer(r"(?<![<>!=])=+(?!=)|≈", sentence)]
    if equals:
        return _of_equation(sentence, figures, everything, equals)
    if not marked and re.search(r"\d\s*(?:[<>≠≤≥]|!=|vs)\s*[-\d]", sentence):
        raise _OpenError
    cut = 0
    for match in _CONCLUSION.finditer(sentence):
        if any(f.start >= match.end() for f in figures):
            cut = match.end()
    direct = bool(_DIRECT.match(sentence[: first.start]))
    bare = (
        marked and bool(_BARE.match(sentence[: first.start])) and not _in_operation(sentence, first)
    )
    if cut and not bare:
        figures = [f for f in figures if f.start >= cut]
        direct = bool(_DIRECT.match(sentence[cut : figures[0].start]))
        if direct and not _in_operation(sentence, figures[0]):
            return _single(sentence, figures[0], everything)
    if marked and direct:
        return _single(sentence, figures[0], everything)
    told = [
        f for f in figures if _COPULA.search(sentence[: f.start]) and not _in_operation(sentence, f)
    ]
    distinct = len({f.text for f in told}) > 1 and not any(
        _in_operation(sentence, f) for f in figures
    )
    if (
        told
        and not distinct
        and all(_qualifies(sentence, f) for f in figures if f.start > told[-1].start)
    ):
        return _single(sentence, told[-1], everything)
    others = [f for f in figures if f.text != figures[0].text and not _qualifies(sentence, f)]
    if alone and direct and not others:
        return _single(sentence, figures[0], everything)
    qualifying = _qualifying(sentence, figures)
    main = [
        f for f in figures
        if not _in_operation(sentence, f)
        and not _COMPARED.search(sentence[: f.start])
        and (f not in qualifying or _TOTAL_OF.search(sentence[: f.start]))
    ]  # fmt: skip
    totals = [f for f in main if _TOTAL_OF.search(sentence[: f.start])]
    if len(main) == 1 and not main[0].money and any(f.money and not _each(sentence, f) for f in figures):
        main = []  # '60 hats would bring in $900'
        figures = [f for f in figures if f.money and not _each(sentence, f)]
    for choice in (totals, main, figures if not main else []):
        if len({f.text for f in choice}) == 1:
            return _single(sentence, choice[0], everything)
    raise _OpenError


def _each(sentence: str, figure: Figure) -> bool:
    """Whether it is a price of one."""
    after = re.match(r"\s*(?:each|per|a|an|apiece|/)\b", sentence[figure.end :])
    return bool(after or re.search(r"\bat\s+$", sentence[: figure.start]))


def _qualifying(sentence: str, figures: Sequence[Figure]) -> list[Figure]:
    """Those that qualify, and those joined to them by 'and' or 'or'."""
    kept: list[Figure] = []
    for figure in figures:
        joined = kept and re.fullmatch(
            r"(?:\s+[a-z]+)?,?\s+(?:and|or|to)\s+", sentence[kept[-1].end : figure.start]
        )
        if joined or _qualifies(sentence, figure):
            kept.append(figure)
    return kept


def _qualifies(sentence: str, figure: Figure) -> bool:
    """Whether it says in how many, for how much or after what, not how much."""
    if _SUBORDINATE.search(sentence[: figure.start]) and "," in sentence[figure.end :]:
        return True
    paid = figure.money and re.search(r"\b(?:for|in)\s+$", sentence[: figure.start])
    return bool(_QUALIFIER.search(sentence[: figure.start])) and not paid


_TWO_NAMES = re.compile(
    r"(?:^|[\s,(])([A-Za-z]\w{0,10})\s*=\s*[-+\d./]{1,20}\s*(,|;|and|or)\s*(?:and\s+)?([A-Za-z]\w{0,10})\s*$"
)


def _of_equation(
    sentence: str, figures: Sequence[Figure], everything: Sequence[Figure], equals: Sequence[int]
) -> Figure:
    """The number on the right of the last '=', or on its left where an operation is on the right."""
    bounds = [0, *equals, len(sentence)]
    for first, last in reversed([*zip(bounds, bounds[1:], strict=False)]):
        part = [f for f in figures if first <= f.start < last]
        if not part and first == bounds[-2]:
            raise _OpenError  # it breaks off
        if not part:
            continue
        alone = [f for f in part if not _in_operation(sentence[:last], f)]
        if not alone:
            continue
        names = _TWO_NAMES.search(sentence[:first])
        if names:
            raise _OpenError  # 'x = 5 and y = 6'
        right = first != 0
        figure = alone[0] if right else alone[-1]
        if right and not re.match(
            r"^[\W_]*(?:(?:about|approximately|roughly|exactly|a|total|of|usd)\b\W*){0,3}$",
            sentence[first : figure.start],
        ):
            raise _OpenError
        return _single(sentence, figure, everything)
    raise _OpenError


def _single(sentence: str, figure: Figure, everything: Sequence[Figure]) -> Figure:
    """`figure`, unless it is one of several, part of an operation, or only a bound."""
    if _in_operation(sentence, figure) and "=" not in sentence:
        raise _OpenError
    if _COMPARED.search(sentence[: figure.start]) or re.match(
        r"\+\s*(?:$|[^\s\d])", sentence[figure.end :]
    ):
        raise _OpenError
    for other in everything:
        between = sentence[figure.end : other.start]
        if (
            other.start >= figure.end
            and other.text != figure.text
            and (
                _PARTS.match(between)
                or (
                    _JOINED.match(between)
                    and ("," not in between or _ENDS_LIST.match(sentence, other.end))
                )
            )
        ):
            raise _OpenError
        if other.end <= figure.start and re.fullmatch(
            r"(?:\s+[a-z]+)?\s+(?:or|to|and)\s+", sentence[other.end : figure.start]
        ):
            raise _OpenError
    return figure


# Whole answers.


@dataclass(frozen=True)
class Value:
    """What a whole text says: one number with its unit, or a text, a list among them."""

    number: Fraction | None
    unit: str  # '%', '$', 'km'; '' where it has none that is a measure
    text: str  # the one spelling


_MEASURES = {
    "dollar": "$", "usd": "$", "euro": "€", "eur": "€", "pound": "lb", "lbs": "lb", "kilogram": "kg", "gram": "g",
    "kilometer": "km", "kilometre": "km", "meter": "m", "metre": "m", "centimeter": "cm", "inch": "in", "inches": "in",
    "foot": "ft", "feet": "ft", "mile": "mi", "hour": "h", "hr": "h", "minute": "min", "second": "s", "sec": "s",
    "day": "day", "week": "week", "month": "month", "year": "year", "cent": "cent", "liter": "l", "litre": "l",
    "percent": "%", "degree": "°", "°": "°", "mm": "mm", "cm": "cm", "m": "m", "km": "km", "g": "g", "mg": "mg", "kg": "kg",
    "lb": "lb", "oz": "oz", "ounce": "oz", "in": "in", "ft": "ft", "mi": "mi", "yd": "yd", "l": "l", "ml": "ml", "h": "h",
    "min": "min", "s": "s", "ms": "ms", "mph": "mph", "kph": "kph", "kwh": "kwh", "kw": "kw", "w": "w",
}  # fmt: skip


def value_of(text: str) -> Value:
    """What the whole of `text` says."""
    found = final_answer(text) if _SAYS_ANSWER.search(text) else None
    return _plain_value(found.answer if found else text)


_SAYS_ANSWER = re.compile(r"\\boxed|####|\banswer(?: is\b|\W*[:=])", re.I)


def _plain_value(text: str) -> Value:
    level = levelled(text[:MOST_CHARACTERS]).strip()
    bare = re.sub(r"^[{\s]*\([A-Z]\)[}\s]*(?=[-+\d.¤\\])", "", _unwrapped(level))
    name = re.match(r"([A-Za-z]\w{0,11})\s*=\s*(?=[^=])", bare)
    unit = ""
    if name:
        unit, bare = f"{name[1]}=", bare[name.end() :]
    elif "=" in bare and (figure := _right_side(bare)):
        bare = bare[figure.start : figure.end]
    number = _whole_number(bare)
    if number is not None:
        figure, measure = number
        unit = unit or _currency(text) or measure
        if figure.value is not None:
            return Value(figure.value, "%" if figure.percent else unit, figure.text)
    return Value(None, "", _list(bare) or normal_text(unit + bare))


def _unwrapped(level: str) -> str:
    """Without a full stop, quotes, or brackets around all of it."""
    level = re.sub(r"(?<=\d)\.\.+", "…", level)
    bare = level.lstrip(f" \t\n\"'`{MONEY}").rstrip(f" \t\n.;!\"'`{MONEY}")
    while bare[:1] + bare[-1:] in ("()", "{}", "[]") and not re.search(r"[,(){}\[\]]", bare[1:-1]):
        bare = bare[1:-1].strip()
    return bare


def _right_side(bare: str) -> Figure | None:
    try:
        return _statement(bare, 0, len(bare), marked=True)
    except _OpenError:
        return None


def _whole_number(bare: str) -> tuple[Figure, str] | None:
    """The number that all of `bare` is, with its measure."""
    figures = figures_in(bare) or figures_in_words(bare)
    if len(figures) != 1 or bare[: figures[0].start].strip(f" {MONEY}{{"):
        return None
    rest = " ".join(re.sub(rf"[{{}}{MONEY}]", " ", bare[figures[0].end :]).split()).strip(" .")
    attached = re.search(r"[A-Za-z°]+$", bare[figures[0].start : figures[0].end])
    if not re.fullmatch(r"(?:[A-Za-z°]+\.?\^?\d?(?:[ /]|$)){0,3}", rest):
        return None
    words = rest or (attached[0] if attached else "")
    return figures[0], _measure(words)


def _measure(words: str) -> str:
    word = words.split(" ")[0].strip(".").casefold()
    return _MEASURES.get(word) or _MEASURES.get(word.removesuffix("s"), "")


def _currency(text: str) -> str:
    signs = [sign for sign in text[:40] if sign in CURRENCIES]
    return signs[0] if len(signs) == 1 else ""  # '$5$' is a formula


def _list(bare: str) -> str:
    """'(1, 2)' for a list of numbers with or without brackets; '' for anything else."""
    inner, left, right = bare, "(", ")"
    if bare[:1] + bare[-1:] in ("()", "[]", "{}"):
        inner, left, right = bare[1:-1], bare[0], bare[-1]
    parts = [part.strip() for part in inner.split(",")]
    values = [_whole_number(part) for part in parts]
    if len(parts) < 2 or any(v is None or v[0].value is None for v in values):
        return ""
    return f"{left}{', '.join(v[0].text for v in values if v)}{right}"


def same_answer(one: str, other: str) -> bool:
    """Whether two answers are the same: as numbers where both are numbers, else as texts or lists.

    A measure counts where both have one. '50%' is 50 and 0.5; below 1 % it is the share alone.
    """
    a, b = value_of(one), value_of(other)
    if a.number is None or b.number is None:
        return a.number is None and b.number is None and a.text == b.text
    if a.unit and b.unit:
        return a.unit == b.unit and a.number == b.number
    for percent, plain in ((a, b), (b, a)):
        if percent.unit == "%":
            number = percent.number or Fraction(0)
            return plain.number == number / 100 or (plain.number == number and abs(number) >= 1)
    return a.number == b.number


def spelled(answer: str) -> str:
    """A whole answer in the one spelling that votes compare: a number where it is one."""
    value = value_of(answer)
    measure = "" if value.unit in ("$", "%") or value.number is None else f" {value.unit}"
    return (value.text + measure).strip()
