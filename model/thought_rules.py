"""ThoughtRules from words: what ends a thought, in a tokenizer's own ids."""

from .decode import ThoughtRules
from .errors import ModelInputError
from .tokenizer import Tokenizer

THINK_MARKER = "</think>"
"""What reasoning models say when their thought is over (DeepSeek-R1, Qwen3)."""

ANSWER_CUE = "The answer is"
"""For models without a marker (Kojima et al. 2022, arXiv 2205.11916)."""


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
    """Raise ModelInputError for a thought of fewer than no tokens or an answer of none."""
    for name, budget, least in (("think", think_budget, 0), ("answer", answer_budget, 1)):
        if budget < least:
            raise ModelInputError(f"--{name}-budget must be at least {least} tokens, got {budget}")
