"""Attempts of a plain engine, in one call."""

from collections.abc import Sequence

from rooflink.model.generation.attempt import Attempt
from rooflink.model.generation.engine import Engine, Observer, Questions
from rooflink.model.generation.generate import generate
from rooflink.model.generation.stopping import AnswerFormat, ThoughtRules
from rooflink.model.sampling import Sampler
from rooflink.model.transformer import Transformer


def attempts_at(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    rules: ThoughtRules,
    sampler: Sampler,
    attempts: int = 1,
    seed: int = 0,
    first_index: int = 0,
    prompt_slots: int = 0,
    observer: Observer | None = None,
) -> list[Attempt]:
    """`attempts` at each prompt, ordered by prompt; texts are token ids."""
    answer_format = AnswerFormat(rules, lambda tokens: " ".join(map(str, tokens)))
    engine = Engine(model, answer_format, seed, prompt_slots, observer=observer, lean=True)
    questions = Questions(prompts, range(first_index, first_index + len(prompts)))
    return generate(engine, questions, sampler, attempts)
