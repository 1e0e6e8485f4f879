"""What a learned verifier buys: votes weighted by it against plain ones, on test problems."""

from dataclasses import dataclass

import numpy as np

from ..sampling import Temperature
from ..tasks.parse import parse_generated
from .evaluate import TOGETHER
from .figures import SEED, Figure
from .method_recipes import Verifier
from .rollout import Thinking, roll_out
from .start import Start
from .verifier_run import Judge, ends

VOTES = (4, 8, 16)


@dataclass(frozen=True)
class Judged:
    """An attempt's answer, whether it is right, and the verifier's score of it."""

    answer: str | None
    right: bool
    score: float


def verifier_figures(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[Figure]:
    """Right answers by one sample, and by 4, 8 and 16: majority, weighted and best by score."""
    found = judged(recipe, start, judge, problems)

    def figure(what: str, right: list[bool]) -> Figure:
        return Figure(f"{recipe.task}, {what}", sum(right), problems)

    figures = [figure("one sample", [of_one[0].right for of_one in found])]
    for n in (n for n in VOTES if n <= len(found[0])):
        first = [of_one[:n] for of_one in found]
        figures += [
            figure(f"majority of {n}", [chosen_by_vote(some, [1.0] * n) for some in first]),
            figure(
                f"vote of {n} weighted by the verifier",
                [chosen_by_vote(some, [one.score for one in some]) for some in first],
            ),
            figure(
                f"best of {n} by the verifier",
                [max(some, key=lambda one: one.score).right for some in first],
            ),
            figure(f"any of {n}", [any(one.right for one in some) for some in first]),
        ]
    return figures


def judged(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[list[Judged]]:
    """Attempts of `start` at test problems with the verifier's scores, problem by problem."""
    asked = parse_generated(recipe.task).problems("test", problems, SEED)
    sampling = recipe.sampling
    thinking = Thinking(Temperature(sampling.temperature), max(VOTES), sampling.think_budget)
    all_judged = []
    for first in range(0, problems, TOGETHER):
        some = asked[first : first + TOGETHER]
        found = roll_out(start.model, start.tokenizer, some, thinking, SEED, first)
        hidden = ends(judge.trunk, found.rows.tokens, found.rows.lengths)
        scores = np.asarray(judge.head(hidden)).reshape(found.right.shape)
        answers = [start.tokenizer.decode(one.answer) for one in found.said]
        for b, problem in enumerate(some):
            said = answers[b * max(VOTES) : (b + 1) * max(VOTES)]
            rows = zip(said, found.right[b], scores[b], strict=True)
            all_judged.append([Judged(problem.extract(a), bool(r), float(s)) for a, r, s in rows])
    return all_judged


def chosen_by_vote(said: list[Judged], weights: list[float]) -> bool:
    """Whether the answer of the largest weight is right; of equals, the first given."""
    votes: dict[str, float] = {}
    right: dict[str, bool] = {}
    for one, weight in zip(said, weights, strict=True):
        if one.answer is not None:
            votes[one.answer] = votes.get(one.answer, 0.0) + weight
            right[one.answer] = one.right
    return bool(votes) and right[max(votes, key=lambda answer: votes[answer])]
