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

from . import wordings
from .numbers import MONEY, Figure, figures_in, figures_in_words, normal_text

LONGEST_SENTENCE = 1_000
"""Characters of a sentence that are looked at."""


class OpenAnswerError(Exception):
    """The text has come to its answer, and does not say which number it is."""


def stated(
    level: str, start: int, end: int, marked: bool = False, alone: bool = False, words: bool = False
) -> Figure | None:
    """The answer that the sentence `level[start:end]` of a levelled text gives, None where it holds
    no number. `marked`: something before it says that it is the answer. `alone`: it is all there
    is. `words`: numbers in words count.

    Raises OpenAnswerError for a sentence with numbers of which none is its answer.
    """
    if bullet := wordings.BULLET.match(level, start, end):
        start = bullet.end()
    if end - start > LONGEST_SENTENCE:
        start, end = (start, start + LONGEST_SENTENCE) if marked else (end - LONGEST_SENTENCE, end)
    if reason := wordings.REASON.search(level[start:end]):
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
    concluding = not figures and (words or wordings.CONCLUDES.match(text))
    in_words = [
        figure
        for figure in figures_in_words(text)
        if (concluding or wordings.COPULA.search(text[: figure.start]))
        and (figure.text != "1" or _is_number(text, figure))
    ]
    return sorted([*figures, *in_words])


def _is_number(text: str, one: Figure) -> bool:
    """Whether 'one' is a number there, and not somebody or something."""
    before = wordings.SOMEBODY_BEFORE.search(text[: one.start])
    return before is None and not wordings.SOMEBODY_AFTER.match(text, one.end)


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
        firm = [f for f in figures if not wordings.SOFT_LABEL.search(self._before(f).rstrip())]
        figures = firm or ([] if wordings.LABEL_ALONE.match(self.text) else figures)
        if figures:
            by_equation = self._equals and self._conclusion(figures) <= self._equals[-1]
            chosen = self._of_equation(figures) if by_equation else self._chosen(figures)
            return self._single(chosen, everything)
        if not self.marked and not all(map(self._is_label, everything)):
            raise OpenAnswerError
        return None

    def _listed(self, everything: Sequence[Figure]) -> Figure | None:
        """A list in brackets, '(3, 4)', that is all there is or begins the answer."""
        match = wordings.TUPLE.search(self.text)
        if match is None:
            return None
        others = [f for f in everything if not match.start() < f.start < match.end()]
        direct = (self.marked or self.alone) and wordings.DIRECT.match(self.text[: match.start()])
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
            or wordings.LABEL.search(before.rstrip(" :"))
            or wordings.LABEL.search(before.rstrip(" :#("))
            or wordings.CERTAINTY.match(self.text, figure.end)
            or wordings.DATE_AFTER.match(self.text, figure.end)
            or (absolute and figure.text.startswith("-"))
        )

    def _ruled_out(self, figure: Figure) -> bool:
        before = wordings.RULED_OUT.search(self._before(figure))
        return bool(before or wordings.WRONG_AFTER.match(self.text, figure.end))

    def _in_operation(self, figure: Figure, end: int | None = None) -> bool:
        """Whether it is a part of '48 + 24', in the text up to `end`."""
        text = self.text[:end]
        before = text[: figure.start]
        sign = re.match(r"[-+] ?|minus ", text[figure.start :])
        if sign and (sign[0].endswith(" ") or not re.search(r"[a-z] $", before)):
            before += sign[0]  # 'but -3' has none
        return bool(
            wordings.OPERATION_AFTER.match(text, figure.end)
            or wordings.OPERATION_BEFORE.search(before[-80:])
            or self._is_part(figure)
        )

    def _is_part(self, figure: Figure) -> bool:
        """Whether it stands in '20% of 50' or 'half of 48'."""
        after = wordings.PERCENT_OF_AFTER.match(self.text, figure.end)
        return bool(after or wordings.PART_OF.search(self._before(figure)[-80:]))

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
            if wordings.TWO_NAMES.search(self.text[:first]) or not wordings.RIGHT_SIDE.match(
                self.text[first : alone[0].start]
            ):
                break
            return alone[0]
        raise OpenAnswerError

    def _chosen(self, figures: Sequence[Figure]) -> Figure:
        if not self.marked and wordings.TWO_COMPARED.search(self.text):
            raise OpenAnswerError
        first = figures[0]
        cut = self._conclusion(figures)
        at_once = (
            self.marked
            and wordings.BARE.match(self._before(first))
            and not self._in_operation(first)
        )
        if cut and not at_once:
            figures = [figure for figure in figures if figure.start >= cut]
            first = figures[0]
        direct = wordings.DIRECT.match(self.text[0 if at_once else cut : first.start])
        rest = [f for f in figures if f.text != first.text and not self._qualifies(f)]
        alone = not cut or all(map(self._in_operation, rest))
        if direct and not self._in_operation(first) and (at_once or self.marked or cut) and alone:
            return first
        if told := self._told(figures):
            return told
        if figure := self._after_operations(figures):
            return figure
        if self.alone and direct and not rest:
            return first
        return self._only(figures)

    def _conclusion(self, figures: Sequence[Figure]) -> int:
        """Where the last conclusion that has a figure begins; 0 without one."""
        ends = [match.end() for match in wordings.CONCLUSION.finditer(self.text)]
        for match in wordings.RESTATED.finditer(self.text):
            earlier = [figure for figure in figures if figure.start < match.start()]
            if earlier and all(self._in_operation(f) or self._qualifies(f) for f in earlier):
                ends.append(match.end())
        return max((end for end in ends if end <= figures[-1].start), default=0)

    def _told(self, figures: Sequence[Figure]) -> Figure | None:
        """The last figure right after 'is', where no other comes after it."""
        operations = [figure for figure in figures if self._in_operation(figure)]
        told = [
            f for f in figures if f not in operations and wordings.COPULA.search(self._before(f))
        ]
        sums = [figure for figure in operations if not self._is_part(figure)]
        several = len({figure.text for figure in told}) > 1 and not sums
        if told and not several:
            later = [figure for figure in figures if figure.start > told[-1].start]
            return told[-1] if all(map(self._qualifies, later)) else None
        return None

    def _after_operations(self, figures: Sequence[Figure]) -> Figure | None:
        """'3 times 4, or 12': the last figure, where all others are parts of an operation."""
        *others, last = figures
        apart = re.search(r"(?:[,:;]|\bor|\bi\.e\.,?|\bthat is,?)\s*$", self._before(last))
        if (
            apart
            and others
            and not self._in_operation(last)
            and all(map(self._in_operation, others))
        ):
            return last
        return None

    def _only(self, figures: Sequence[Figure]) -> Figure:
        """The only figure that says how much; raises OpenAnswerError where there are several."""
        qualifying = self._qualifying(figures)
        main = [
            figure
            for figure in figures
            if not self._in_operation(figure)
            and not wordings.COMPARED.search(self._before(figure))
            and (figure not in qualifying or wordings.TOTAL_OF.search(self._before(figure)))
        ]
        totals = [figure for figure in main if self._is_total(figure)]
        earned = [figure for figure in figures if figure.money and not self._is_price(figure)]
        if len(main) == 1 and not main[0].money and earned:
            main, figures = [], earned  # '60 hats would bring in $900'
        before = [figure for figure in figures if main and figure.start < main[0].start]
        between = self.text[before[-1].end : main[0].start] if before else ""
        apart = re.search(r"^[^,]*\band\b[^,]*$", between) and not totals
        if apart or (not main and self._in_words()):
            raise OpenAnswerError  # 'started with 24 and gave away 6'; 'three days for 18 pages'
        for choice in (totals, main, [] if main else figures):
            if len({figure.text for figure in choice}) == 1:
                return choice[0]
        raise OpenAnswerError

    def _in_words(self) -> bool:
        """Whether it also has numbers in words, other than 'one' and 'the two'."""
        return any(
            figure.text != "1" and not wordings.SOMEBODY_BEFORE.search(self._before(figure))
            for figure in figures_in_words(self.text)
        )

    def _is_total(self, figure: Figure) -> bool:
        before = wordings.TOTAL_OF.search(self._before(figure))
        after = wordings.TOTAL_AFTER.match(self.text, figure.end)
        return bool(before or (after and not re.search(r"\d", self.text[figure.end :])))

    def _is_price(self, figure: Figure) -> bool:
        after = wordings.EACH_AFTER.match(self.text, figure.end)
        return bool(after or re.search(r"\bat\s+$", self._before(figure)))

    def _qualifying(self, figures: Sequence[Figure]) -> list[Figure]:
        """Those that qualify, and those joined to them by 'and' or 'or'."""
        kept: list[Figure] = []
        for figure in figures:
            joined = (
                kept
                and kept[-1].money == figure.money
                and wordings.JOINED_BEFORE.match(self.text[kept[-1].end : figure.start])
            )
            if joined or self._qualifies(figure):
                kept.append(figure)
        return kept

    def _qualifies(self, figure: Figure) -> bool:
        """Whether it says in how many, for how much or after what, not how much."""
        before = self._before(figure)
        if wordings.SUBORDINATE.search(before) and "," in self.text[figure.end :]:
            return True
        trailing = wordings.TRAILING.search(before)
        if trailing and re.search(r"\d", before[: trailing.start()]):
            return True
        paid = figure.money and re.search(r"\b(?:for|in)\s+$", before)
        timed = figure.value is None and re.search(r"\b(?:at|until|by|on)\s+$", before)
        return bool(wordings.QUALIFIER.search(before)) and not paid and not timed

    def _single(self, figure: Figure, everything: Sequence[Figure]) -> Figure:
        """`figure`, unless it is one of several, part of an operation, or only a bound."""
        if not self._equals and self._in_operation(figure):
            raise OpenAnswerError
        if wordings.COMPARED.search(self._before(figure)) or wordings.NOT_EXACT_AFTER.match(
            self.text, figure.end
        ):
            raise OpenAnswerError
        for other in everything:
            if other.text == figure.text or self._in_operation(other):
                continue
            paid = other.money and figure.money and other.start > figure.start
            whole = paid and self._is_price(figure) and not self._is_price(other)
            if whole or self._belong_together(figure, other):
                raise OpenAnswerError
        return figure

    def _belong_together(self, figure: Figure, other: Figure) -> bool:
        """'5 or 6', '2 hours 30 minutes', '12 apples, 5 pears'."""
        if other.start < figure.start:
            return bool(wordings.JOINED_BEFORE.match(self.text[other.end : figure.start]))
        between = self.text[figure.end : other.start]
        if wordings.PARTS.match(between):
            return True
        if not wordings.JOINED.match(between):
            return False
        by_word = re.search(r"\b(?:and|or|to|through)\b|&", between, re.I)
        return bool(by_word or "," not in between or wordings.ENDS_LIST.match(self.text, other.end))
