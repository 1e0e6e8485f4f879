"""Estimators against closed forms and brute force."""

from itertools import combinations

import numpy as np
import pytest

from rooflink.model.strategies.voting import majority_at_k, pass_at_k


@pytest.mark.parametrize(
    ("attempts", "correct", "k", "expected"),
    [(10, 3, 1, 0.3), (10, 0, 5, 0.0), (10, 10, 1, 1.0), (10, 8, 3, 1.0), (5, 2, 2, 0.7),
     (4, 1, 4, 1.0)],
)  # fmt: skip
def test_pass_at_k_closed_form(attempts: int, correct: int, k: int, expected: float) -> None:
    assert pass_at_k(attempts, correct, k) == pytest.approx(expected)


def test_pass_at_k_is_the_product_of_chen() -> None:
    """Their numerically stable form: 1 - prod(1 - k / i for i in n - c + 1 .. n)."""
    for n, c, k in ((200, 13, 10), (64, 1, 32), (100, 50, 3)):
        product = 1 - np.prod(1 - k / np.arange(n - c + 1, n + 1))
        assert pass_at_k(n, c, k) == pytest.approx(product)


ANSWERS = ["1", "2", "1", "3", None, "2", "1", "3", "4"]


@pytest.mark.parametrize("correct", [{"1": 1.0}, {"2": 1.0}, {"2": 1.0, "3": 0.25}, {"9": 1.0}, {}])
def test_majority_at_k_equals_all_subsets(correct: dict[str, float]) -> None:
    """Every subset counted one by one, a tie shared evenly among the answers that lead."""

    def brute(k: int) -> float:
        total = 0.0
        subsets = list(combinations(ANSWERS, k))
        for subset in subsets:
            votes = {answer: subset.count(answer) for answer in subset if answer is not None}
            leaders = [answer for answer in votes if votes[answer] == max(votes.values())]
            total += sum(correct.get(answer, 0.0) for answer in leaders) / max(len(leaders), 1)
        return total / len(subsets)

    ks = [1, 2, 3, 5, 9]
    assert majority_at_k(ANSWERS, correct, ks) == pytest.approx([brute(k) for k in ks])


def test_majority_at_one_is_the_share_of_correct_answers() -> None:
    assert majority_at_k(ANSWERS, {"1": 1.0}, [1]) == pytest.approx([3 / 9])
    assert pass_at_k(9, 3, 1) == pytest.approx(3 / 9)


def test_majority_of_two_answers_is_a_binomial_tail() -> None:
    """6 right of 9, all others alike: k = 3 needs 2 or 3 right, hypergeometrically."""
    answers = ["r"] * 6 + ["w"] * 3
    assert majority_at_k(answers, {"r": 1.0}, [3]) == pytest.approx([(15 * 3 + 20) / 84])


def test_too_few_attempts_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to the 4 attempts"):
        pass_at_k(4, 1, 5)
    with pytest.raises(ValueError, match="got 0"):
        majority_at_k(["1"], {"1": 1.0}, [0])
