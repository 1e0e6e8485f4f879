"""What ends a thought and how its answer begins: the rules, in a tokenizer's own ids, and the
format in which a model gives its answers, in token ids and text.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ..config import ModelConfig, ModelInputError
from ..tasks.answers import Found, answers_in, final_answer
from ..tokenizer import THINK_MARKER, Tokenizer

ANSWER_CUE = "The answer is"
"""For models without a marker (Kojima et al. 2022, arXiv 2205.11916)."""


class Stop(IntEnum):
    """What ended a thought."""

    THINKING = 0
    MARKER = 1
    BUDGET = 2
    END_OF_SEQUENCE = 3
    CONFIDENT = 4  # a probe's answer was sure enough
    LIMIT = 5  # a limit on the whole question was hit
    PRUNED = 6  # a search went on with other branches


@dataclass(frozen=True)
class ThoughtRules:
    """When a thought ends and how its answer begins; token ids.

    A thought ends when it has just said one of `markers`. Where it runs into `end_tokens` or
    into the budget, `cue` is forced and ends it (budget forcing, s1, arXiv 2501.19393; the cue as
    a second prompt, Kojima et al. 2022).
    """

    think_budget: int
    answer_budget: int
    markers: tuple[tuple[int, ...], ...]
    cue: tuple[int, ...]
    end_tokens: tuple[int, ...]

    @property
    def longest_thought(self) -> int:
        """Most tokens that a thought can have: the budget and a forced cue."""
        return self.think_budget + len(self.cue)

    @property
    def longest(self) -> int:
        """Most tokens that an attempt of one thought and one answer says."""
        return self.longest_thought + self.answer_budget

    @property
    def slots(self) -> int:
        """Cache slots that an attempt can fill: all its tokens but the last one said."""
        return self.longest - 1


def require_context(config: ModelConfig, longest_prompt: int, rules: ThoughtRules) -> None:
    """Raise ModelInputError where prompt, thought and answer do not fit the model's context."""
    needed = longest_prompt + rules.longest
    if needed > config.context_length:
        raise ModelInputError(
            f"a prompt of {longest_prompt} tokens, a thought of up to {rules.longest_thought} and "
            f"an answer of up to {rules.answer_budget} need {needed} positions, but "
            f"{config.name} has a context of {config.context_length}: shorten the prompt or "
            "lower --think-budget"
        )


def default_think_end(tokenizer: Tokenizer) -> str:
    """The model's own end-of-thought marker if its vocabulary has one, else an answer cue."""
    is_token = len(tokenizer.encode(THINK_MARKER, start=False)) == 1
    return THINK_MARKER if is_token else ANSWER_CUE


def thought_rules(
    tokenizer: Tokenizer, think_end: str, think_budget: int, answer_budget: int
) -> ThoughtRules:
    """Rules for a thought that ends with the text `think_end`.

    The text is recognised with or without a space before it and with a first letter of either
    case, since each is other token ids. Where it has to be forced it stands on a line of its own.

    Raises ModelInputError for an empty text or a budget that is too small.
    """
    if not think_end.strip():
        raise ModelInputError("the end of thought is empty: --think-end needs a text")
    require_budgets(think_budget, answer_budget)
    text = think_end.strip()
    spellings = [text, text[0].lower() + text[1:], text[0].upper() + text[1:]]
    spaced = [prefix + spelling for spelling in spellings for prefix in ("", " ")]
    markers = dict.fromkeys(tuple(tokenizer.encode(form, start=False)) for form in spaced)
    tail = "\n\n" if text.startswith("<") else ""
    return ThoughtRules(
        think_budget=think_budget,
        answer_budget=answer_budget,
        markers=tuple(markers),
        cue=tuple(tokenizer.encode(f"\n{text}{tail}", start=False)),
        end_tokens=tuple(sorted(tokenizer.end_ids)),
    )


def budget_rules(think_budget: int, answer_budget: int) -> ThoughtRules:
    """Rules without words, for costs of a model without a tokenizer: budgets are always used up.

    The marker and cue are one id that no vocabulary has.
    """
    require_budgets(think_budget, answer_budget)
    nothing = (2**30,)
    return ThoughtRules(think_budget, answer_budget, markers=(nothing,), cue=(0,), end_tokens=())


def require_budgets(think_budget: int, answer_budget: int) -> None:
    """Raise ModelInputError for a negative think budget or an empty answer."""
    for name, budget, least in (("think", think_budget, 0), ("answer", answer_budget, 1)):
        if budget < least:
            raise ModelInputError(f"--{name}-budget must be at least {least} tokens, got {budget}")


@dataclass(frozen=True)
class AnswerFormat:
    """What a strategy must know of one model's language; budgets are in its `rules`."""

    rules: ThoughtRules
    decode: Callable[[Sequence[int]], str]  # text of token ids, control tokens left out
    after_cue: bool = False  # answers go on from the words 'The answer is'
    in_notation: Callable[[str], list[Found]] | None = None  # finds answers that are no prose
    wait: tuple[int, ...] = ()  # what budget forcing says instead of an end of thought
    steps: tuple[tuple[int, ...], ...] = ()  # what ends a step of a thought
    revise: tuple[int, ...] = ()  # what follows an attempt to ask for a better one

    @property
    def longest_ending(self) -> int:
        """M: tokens to look back on to recognise a marker or the end of a step."""
        return max((len(ending) for ending in (*self.rules.markers, *self.steps)), default=1)

    def extract(self, tokens: Sequence[int]) -> str | None:
        """The answer that the text of `tokens` gives, in its one spelling."""
        found = self._found(tokens)
        return found.answer if found else None

    def span(self, tokens: Sequence[int]) -> tuple[int, int] | None:
        """Tokens [first, after) that spell what `extract` finds."""
        found = self._found(tokens)
        return self._tokens_of(found, tokens) if found else None

    def align(self, tokens: Sequence[int], answer: str) -> tuple[int, int] | None:
        """Tokens [first, after) of the last place that spells `answer`, or None."""
        places = (self.in_notation or answers_in)(self.decode(tokens))
        same = [found for found in places if found.answer == answer]
        return self._tokens_of(same[-1], tokens) if same else None

    def revision(self, prompt: Sequence[int], earlier: Sequence[Sequence[int]]) -> list[int]:
        """A prompt that holds earlier attempts, without their end tokens, and asks for another."""
        longer = list(prompt)
        for tokens in earlier:
            longer += [token for token in tokens if token not in self.rules.end_tokens]
            longer += self.revise
        return longer

    def _found(self, tokens: Sequence[int]) -> Found | None:
        text = self.decode(tokens)
        if self.in_notation:
            return next(iter(self.in_notation(text)), None)
        return final_answer(text, self.after_cue)

    def _tokens_of(self, found: Found, tokens: Sequence[int]) -> tuple[int, int]:
        """The tokens that an answer in their text lies in."""
        ends = [len(self.decode(tokens[: i + 1])) for i in range(len(tokens))]
        return bisect_right(ends, found.start), bisect_left(ends, found.end) + 1


def text_format(tokenizer: Tokenizer, rules: ThoughtRules) -> AnswerFormat:
    """The format of a model that thinks in English lines (s1's 'Wait', arXiv 2501.19393)."""

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, start=False))

    cue = tokenizer.decode(rules.cue).strip()
    return AnswerFormat(
        rules=rules,
        decode=tokenizer.decode,
        after_cue=cue[-1:].isalpha() or cue[-1:] in (":", "="),  # no marker such as '</think>'
        wait=ids("\nWait,"),
        steps=tuple(dict.fromkeys((ids("\n"), ids("\n\n")))),
        revise=ids("\n\nLet me check that once more.\n"),
    )
