"""Which number one sentence gives as its answer: 'So she has 18 - 4 = 14 eggs in 2 days' says 14.

The rules are those of a careful reader. The right side of the last '=' counts, then what follows
'so', 'giving' or 'for a total of', then what follows 'is'. Numbers of steps, and those that say in
how many, after what or for how much, are passed over; so are those that are ruled out. A sentence
that lists several numbers, compares or breaks off leaves its answer open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from .numbers import MONEY, Figure, figures_in, figures_in_words, normal_text

LONGEST_SENTENCE = 1_000
"""Characters of a sentence that are looked at."""


class OpenAnswerError(Exception):
    """The text has come to its answer, and does not say which number it is."""


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_LABEL = _words(
    r"\b(?:steps?|part|case|option|problem|question|q|example|equation|exercise|line|method|no\."
    r"|version|item|attempt|approach|rule|figure|table)\s?#?$",
    r"\b[a-z]\($",  # f(3)
    rf"\b{_MONTH}(?: \d{{1,2}},)?\s?$",
)
_DATE_AFTER = _words(rf"\s(?:of )?{_MONTH}")
_SOFT_LABEL = _words(
    r"\b(?:days?|week|month|year|hour|chapter|page|number|level|grade|room|round|floor)\s?#?$"
)
_LABEL_ALONE = _words(r"\W*[a-z]+ #?\d+\W*$")
_OPERATION_AFTER = _words(
    r"[ )\]}]*(?:/?[a-z]+[ )]+){0,3}(?:(?:[+*/^]|-(?=\s*[\d(]))\s*[({\[]*\s*[-+]?"
    r"(?:\d|\.\d|\\|\(|[a-z]\b)|(?:plus|minus|times|divided by|multiplied by|x)\s+[-+(]*"
    r"(?:\d|\.\d|\\))"
)
_OPERATION_BEFORE = _words(
    r"(?:\d[\w%)\]} ]{0,30}?\s*(?:[-+*/^]|\bplus|\bminus|\btimes|\bdivided by|\bmultiplied by)"
    r"|\d x|(?:\b[a-z]|\))\s*[-+*/^]|[a-z]\s*[+*/^])\s*[({\[]*\s*$"
)
_NOT_EXACT_AFTER = re.compile(r"\+\s*(?:$|[^\s\d])")
_QUALIFIER = _words(
    r"\b(?:after|by|while|when|for|from|before|without|since|of|in)\s+[a-z]+ing\s+(?:the\s+)?$",
    r"\b(?:assuming|given|considering|including|excluding|counting|using)\b[^.,]{0,40}$",
    r"(?<!need )(?<!needs )(?<!needed )(?<!has )(?<!have )(?<!had )(?<!must )\bto [a-z]+\s+$",
    r"\b(?:as|than)\s+$|\b(?:in|for|from|after|before|per|with|by|on|at|within|during|every|between|among|into|since"
    r"|until|each|of|out of|to)\s+(?:(?:the|a|an|those|these|his|her|their|its|all|about|each|every"
    r"|another|exactly|only|just|first|last|other|next|remaining|original)\s+){0,2}$",
)
_SUBORDINATE = _words(
    r"\b(?:after|since|because|if|when|while|given|although|before|with|for|by|in|at|from|of|as)\b"
    r"[^,;]{0,80}$"
)
_TOTAL_OF = _words(
    r"\b(?:total|sum|amount|average|mean|profit|cost|price|value|distance|age|score|height|length"
    r"|weight|change|maximum|minimum|result|answer|number|difference|product|balance|speed|remainder"
    r"|comes|adds? up|amounts?|equal|reduced|increased?s?|left|ends? up|finish(?:es)?)"
    r"\s+(?:of|to|with)\s+(?:(?:about|exactly|just|only)\s+)?$",
    r"\b(?:total|sum):?\s+$",
)
_RULED_OUT = _words(
    r"(?:\b(?:can)?not|n't|\bnever|\binstead of|\brather than|\bother than|\bunlike|\bneither|\bnor"
    r"|\bno longer)\s+(?:(?:be|equal to|equal|the|exactly|just|is|to)\s+){0,2}$"
)
_WRONG_AFTER = _words(
    r"\s*(?:can't|cannot|could not|couldn't|won't|doesn't|does not|would be wrong)\b",
    r"\W{0,3}(?:[a-z]+\s)?(?:(?:is|was|would be|seems|looks)\s+(?:\w+\s)?"
    r"(?:not|wrong|incorrect|too|impossible)|isn't|wasn't|\(?(?:wrong|incorrect))",
)
_COMPARED = _words(
    r"(?:[<>≤≥≠±]|\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than"
    r"|\bat (?:least|most)|\bup to|\balmost|\bnearly|\bover|\bunder|\babove|\bbelow|\bbetween"
    r"|\beither)\s*$"
)
_TWO_COMPARED = _words(r"\d\s*(?:[<>≠≤≥]|!=|vs)\s*[-\d]")
_CERTAINTY = _words(r"\s*(?:%\s*)?(?:confident|sure|certain|confidence)")
_JOINED = _words(
    r"(?:\s+[a-z]+){0,2}\s*(?:,?\s+(?:and|or|to|through|&)|,|±|;)\s+"
    r"(?:(?:also|then|another|about|possibly|maybe)\s+)?(?:[a-z]\s?=\s?)?$",
    r"\s*±\s*$",
)
_ENDS_LIST = _words(r"\s*(?:[a-z]+\s*)?(?:[,;.)}\]]|$|and\b|or\b)")
_JOINED_BEFORE = _words(r"(?:\s+[a-z]+)?,?\s+(?:and|or|to)\s+$")
_PARTS = _words(  # of one quantity: '2 hours 30 minutes'
    r"\s*(?:hours?|hrs?|h|minutes?|mins?|feet|foot|ft|pounds?|lbs?|days?|weeks?|years?|months?|km|m"
    r"|dollars?|degrees|remainder|r|°|'|mod)\.?\s*(?:,|and)?\s*$"
)
_DIRECT = _words(
    r"[\W_]*(?:(?:that|it|there|this|is|it's|are|be|just|exactly|about|approximately|approx|around"
    r"|roughly|simply|now|still|equal|equals|to|a|an|the|total|of|value|number|x|y|n|only|will"
    r"|would|should|likely|probably|might|could|may|yes|so|text|usd|eur|gbp)\b[\W_]*){0,6}$"
)
_BARE = _words(
    r"[\W_]*(?:(?:is|it's|just|exactly|about|approximately|around|roughly|equal to|equals|x|usd)\b"
    r"[\W_]*){0,3}$"
)
_RIGHT_SIDE = _words(r"[\W_]*(?:(?:about|approximately|roughly|exactly|a|total|of|usd)\b\W*){0,3}$")
_COPULA = _words(
    r"\b(?:it|that)'s\s+$",
    r"(?<!\bthere )\b(?:is|are|was|were|equals|equal to|will be|would be|comes to|totals|makes?)\s+"
    r"(?:(?:about|exactly|only|just|approximately|then|now|therefore|thus|a|total|of)\s+){0,3}$"
)
_CONCLUSION = _words(
    r"[,;:—-]\s*(?:and\s+)?(?:so|thus|hence|therefore|then)\b",
    r"\b(?:therefore|thus|hence|consequently|which (?:is|means|gives|makes|equals|leaves))\b",
    r"(?:[\d)%]|\bthis|\bthat|\bwhich|\bit)\s+(?:gives|makes|yields|leaves)(?: us| him| her)?",
    r"\b(?:rounds|rounded) (?:up |down )?to|\bfor a total of|\bto get|\b(?:we|i) get|\badds? up to",
    r"\b(?:comes to|amounts to|equals|is equal to|a total of)",
    r",\s*(?!assuming|including|excluding|using|considering|counting|having|being)[a-z]+ing"
    r"(?=\s+(?:[a-z]+\s+){0,3}\d)",
    r"(?:^|[,;:]\s*)(?:in total|altogether|overall|in all)\b,?",
    r"\bthat is,?\s|\bthat's\b|\bi\.e\.,?\s",
    r"\bbut (?:it |the \w+ )?(?:should be|is actually|actually|is)|\bbut(?= \d)",
)
_REASON = _words(  # '8 pets: 3 cats and 5 dogs'
    r"\d[^.]{0,80}?(,?\s+(?:because\b|since\b|#\s|//\s|which (?:satisf|match|agree|check|conf)))",
    r"^[^:]*\b(?:has|have|had|is|are|was|were|gets?|makes?|total(?: of)?|needs?) "
    rf"{MONEY}?[\d.,]{{1,20}}%?(?: \w+)?(:)\s",
    r"\d[^.:]{1,40}\b(?:in total|altogether|in all)(:)\s",
)
_BULLET = _words(r"\s*(?:[-*•]\s+(?=\D|[\d.,]+\s+(?!degree)[a-z])|\(?\d{1,2}[.)]\s+(?=\S))")
_CONCLUDES = _words(r"\W*(?:so|thus|hence|therefore)\b")
_SOMEBODY_BEFORE = _words(
    r"\b(?:no|first|last|second|next|this|that|which|each|every|the|any|some|right|wrong)\s+$"
)
_SOMEBODY_AFTER = _words(r"\s+(?:of|who|that|can|by|at|day|thing|way)\b")
_EACH_AFTER = _words(r"\s*(?:each|per|a|an|apiece|/)\b")
_TUPLE = re.compile(r"\([-+\s\d./]{1,60}(?:,[-+\s\d./]{1,60}){1,20}\)")
_TWO_NAMES = re.compile(  # 'x = 5 and y = ...'
    r"(?:^|[\s,(])[A-Za-z]\w{0,10}\s*=\s*[-+\d./]{1,20}\s*(?:,|;|and|or)\s*(?:and\s+)?"
    r"[A-Za-z]\w{0,10}\s*$"
)


def stated(
    level: str, start: int, end: int, marked: bool = False, alone: bool = False, words: bool = False
) -> Figure | None:
    """The answer that the sentence `level[start:end]` of a levelled text gives, None where it holds
    no number. `marked`: something before it says that it is the answer. `alone`: it is all there
    is. `words`: numbers in words count.

    Raises OpenAnswerError for a sentence with numbers of which none is its answer.
    """
    if bullet := _BULLET.match(level, start, end):
        start = bullet.end()
    if end - start > LONGEST_SENTENCE:
        start, end = (start, start + LONGEST_SENTENCE) if marked else (end - LONGEST_SENTENCE, end)
    if reason := _REASON.search(level[start:end]):
        end = start + reason.start(reason.lastindex or 1)
    sentence = _Sentence(level[start:end].replace(MONEY, " "), marked, alone)
    figure = sentence.answer(_all_figures(level[start:end], marked or alone or words))
    return (
        None
        if figure is None
        else figure._replace(start=figure.start + start, end=figure.end + start)
    )


def _all_figures(level: str, words: bool) -> list[Figure]:
    """In digits; in words where those are wanted, or stand right after 'is'."""
    figures, text = figures_in(level), level.replace(MONEY, " ")
    concluding = not figures and (words or _CONCLUDES.match(text))
    in_words = [
        figure
        for figure in figures_in_words(text)
        if (concluding or _COPULA.search(text[: figure.start]))
        and (figure.text != "1" or _is_number(text, figure))
    ]
    return sorted([*figures, *in_words])


def _is_number(text: str, one: Figure) -> bool:
    """Whether 'one' is a number there, and not somebody or something."""
    before = _SOMEBODY_BEFORE.search(text[: one.start])
    return before is None and not _SOMEBODY_AFTER.match(text, one.end)


@dataclass(frozen=True)
class _Sentence:
    text: str
    marked: bool
    alone: bool

    def answer(self, everything: Sequence[Figure]) -> Figure | None:
        if listed := self._listed(everything):
            return listed
        outside = [figure for figure in everything if not self._in_brackets(figure)]
        figures = [
            f for f in outside or everything if not self._is_label(f) and not self._ruled_out(f)
        ]
        firm = [f for f in figures if not _SOFT_LABEL.search(self._before(f).rstrip())]
        figures = firm or ([] if _LABEL_ALONE.match(self.text) else figures)
        if figures:
            chosen = self._of_equation(figures) if self._equals else self._chosen(figures)
            return self._single(chosen, everything)
        if not self.marked and not all(map(self._is_label, everything)):
            raise OpenAnswerError
        return None

    def _listed(self, everything: Sequence[Figure]) -> Figure | None:
        """A list in brackets, '(3, 4)', that is all there is or begins the answer."""
        match = _TUPLE.search(self.text)
        if match is None:
            return None
        others = [f for f in everything if not match.start() < f.start < match.end()]
        direct = (self.marked or self.alone) and _DIRECT.match(self.text[: match.start()])
        if others and not direct:
            return None
        return Figure(match.start(), match.end(), None, normal_text(match[0]))

    def _before(self, figure: Figure) -> str:
        return self.text[: figure.start]

    @cached_property
    def _equals(self) -> list[int]:
        return [match.start() for match in re.finditer(r"(?<![<>!=])=+(?!=)|≈", self.text)]

    def _in_brackets(self, figure: Figure) -> bool:
        """Whether it stands in an aside, '(7 red and 5 blue)'."""
        opened = self.text.rfind("(", 0, figure.start)
        if opened <= self.text.rfind(")", 0, figure.start):
            return False
        aside = self.text[opened : figure.start]
        return bool(re.search(r"[\w,;:] *$", self.text[:opened]) or re.search("[A-Za-z]", aside))

    def _is_label(self, figure: Figure) -> bool:
        before = self._before(figure)
        absolute = before.endswith("|") and self.text.startswith("|", figure.end)
        return bool(
            figure.adjective
            or _LABEL.search(before.rstrip(" :"))
            or _CERTAINTY.match(self.text, figure.end)
            or _DATE_AFTER.match(self.text, figure.end)
            or (absolute and figure.text.startswith("-"))
        )

    def _ruled_out(self, figure: Figure) -> bool:
        before = _RULED_OUT.search(self._before(figure))
        return bool(before or _WRONG_AFTER.match(self.text, figure.end))

    def _in_operation(self, figure: Figure, end: int | None = None) -> bool:
        """Whether it is a part of '48 + 24', in the text up to `end`."""
        text = self.text[:end]
        sign = re.match(r"[-+]|minus ", text[figure.start :])
        before = text[: figure.start] + (sign[0] if sign else "")
        return bool(
            _OPERATION_AFTER.match(text, figure.end) or _OPERATION_BEFORE.search(before[-80:])
        )

    def _of_equation(self, figures: Sequence[Figure]) -> Figure:
        """The number right of the last '=', or left of it where its right is an operation."""
        bounds = [0, *self._equals, len(self.text)]
        for first, last in reversed([*pairwise(bounds)]):
            part = [figure for figure in figures if first <= figure.start < last]
            if not part and first == bounds[-2]:
                break  # '48 + 24 =': the text breaks off
            alone = [figure for figure in part if not self._in_operation(figure, last)]
            if not alone:
                continue
            if first == 0:
                return alone[-1]
            if _TWO_NAMES.search(self.text[:first]) or not _RIGHT_SIDE.match(
                self.text[first : alone[0].start]
            ):
                break
            return alone[0]
        raise OpenAnswerError

    def _chosen(self, figures: Sequence[Figure]) -> Figure:
        if not self.marked and _TWO_COMPARED.search(self.text):
            raise OpenAnswerError
        first = figures[0]
        cut = self._conclusion(figures)
        at_once = self.marked and _BARE.match(self._before(first)) and not self._in_operation(first)
        if cut and not at_once:
            figures = [figure for figure in figures if figure.start >= cut]
            first = figures[0]
        direct = _DIRECT.match(self.text[0 if at_once else cut : first.start])
        if direct and (self.marked or (cut and not self._in_operation(first))):
            return first
        if told := self._told(figures):
            return told
        rest = [f for f in figures if f.text != first.text and not self._qualifies(f)]
        if self.alone and direct and not rest:
            return first
        return self._only(figures)

    def _conclusion(self, figures: Sequence[Figure]) -> int:
        """Where the last conclusion that has a figure begins; 0 without one."""
        ends = [match.end() for match in _CONCLUSION.finditer(self.text)]
        return max((end for end in ends if end <= figures[-1].start), default=0)

    def _told(self, figures: Sequence[Figure]) -> Figure | None:
        """The last figure right after 'is', where no other comes after it."""
        operations = [figure for figure in figures if self._in_operation(figure)]
        told = [f for f in figures if f not in operations and _COPULA.search(self._before(f))]
        several = len({figure.text for figure in told}) > 1 and not operations
        if told and not several:
            later = [figure for figure in figures if figure.start > told[-1].start]
            return told[-1] if all(map(self._qualifies, later)) else None
        return None

    def _only(self, figures: Sequence[Figure]) -> Figure:
        """The only figure that says how much; raises OpenAnswerError where there are several."""
        qualifying = self._qualifying(figures)
        main = [
            figure
            for figure in figures
            if not self._in_operation(figure)
            and not _COMPARED.search(self._before(figure))
            and (figure not in qualifying or _TOTAL_OF.search(self._before(figure)))
        ]
        totals = [figure for figure in main if _TOTAL_OF.search(self._before(figure))]
        earned = [figure for figure in figures if figure.money and not self._is_price(figure)]
        if len(main) == 1 and not main[0].money and earned:
            main, figures = [], earned  # '60 hats would bring in $900'
        for choice in (totals, main, [] if main else figures):
            if len({figure.text for figure in choice}) == 1:
                return choice[0]
        raise OpenAnswerError

    def _is_price(self, figure: Figure) -> bool:
        after = _EACH_AFTER.match(self.text, figure.end)
        return bool(after or re.search(r"\bat\s+$", self._before(figure)))

    def _qualifying(self, figures: Sequence[Figure]) -> list[Figure]:
        """Those that qualify, and those joined to them by 'and' or 'or'."""
        kept: list[Figure] = []
        for figure in figures:
            joined = kept and _JOINED_BEFORE.match(self.text[kept[-1].end : figure.start])
            if joined or self._qualifies(figure):
                kept.append(figure)
        return kept

    def _qualifies(self, figure: Figure) -> bool:
        """Whether it says in how many, for how much or after what, not how much."""
        before = self._before(figure)
        if _SUBORDINATE.search(before) and "," in self.text[figure.end :]:
            return True
        paid = figure.money and re.search(r"\b(?:for|in)\s+$", before)
        timed = figure.value is None and re.search(r"\b(?:at|until|by|on)\s+$", before)
        return bool(_QUALIFIER.search(before)) and not paid and not timed

    def _single(self, figure: Figure, everything: Sequence[Figure]) -> Figure:
        """`figure`, unless it is one of several, part of an operation, or only a bound."""
        if not self._equals and self._in_operation(figure):
            raise OpenAnswerError
        if _COMPARED.search(self._before(figure)) or _NOT_EXACT_AFTER.match(self.text, figure.end):
            raise OpenAnswerError
        for other in everything:
            if other.text != figure.text and self._belong_together(figure, other):
                raise OpenAnswerError
        return figure

    def _belong_together(self, figure: Figure, other: Figure) -> bool:
        """'5 or 6', '2 hours 30 minutes', '12 apples, 5 pears'."""
        if other.start < figure.start:
            return bool(_JOINED_BEFORE.match(self.text[other.end : figure.start]))
        between = self.text[figure.end : other.start]
        if _PARTS.match(between):
            return True
        if not _JOINED.match(between):
            return False
        return "," not in between or bool(_ENDS_LIST.match(self.text, other.end))
