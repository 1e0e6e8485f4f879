"""sum: numbers in any order, and the facts that are never taught."""

import numpy as np

from rooflink.model.tasks.modular import SumTask, is_untaught, sum_problem, sum_trace


def test_a_sum_worked_by_hand() -> None:
    # 20 + 7 = 27 = 4 mod 23;  4 + 21 = 25 = 2 mod 23
    problem = sum_problem((20, 7, 21))
    assert problem.expected == "2"
    assert problem.level == 3
    assert problem.notation == "sum 20 7 21 _ _ _ _ _ <think>"
    trace = sum_trace([20, 7, 21])
    assert trace.thought == ("20", "20", "7", "4", "21", "2")
    assert trace.answer == ("2",)


def test_about_one_fact_in_eight_is_untaught() -> None:
    gaps = sum(is_untaught(running, number) for running in range(23) for number in range(23))
    assert 50 <= gaps <= 82  # 66 of 529 expected, standard deviation 7.6


def test_untaught_places_are_the_results_of_untaught_facts() -> None:
    task, rng = SumTask(2, 8), np.random.default_rng(0)
    seen = 0
    for _ in range(300):
        trace = task.trace(task.draw("train", rng), rng)
        values = [int(word) for word in trace.thought]
        for place in range(3, len(values), 2):
            gap = is_untaught(values[place - 2], values[place - 1])
            assert (place in trace.untaught) == gap
            seen += gap
        assert trace.untaught <= set(range(3, len(values), 2))
    assert seen > 50


def test_no_answer_after_a_cut_states_an_untaught_fact() -> None:
    """Where exactly one addition is left and it is a gap, the answer would be that fact."""
    task, rng = SumTask(2, 8), np.random.default_rng(1)
    for _ in range(300):
        trace = task.trace(task.draw("train", rng), rng)
        values, n = [int(word) for word in trace.thought], len(trace.thought) // 2
        order, sums = values[::2], values[1::2]
        for kept in range(len(values)):
            done = kept // 2
            left = n - max(done, 1)
            if left != 1:
                assert kept not in trace.untaught_answers
            elif is_untaught(sums[-2], order[-1]):
                assert kept in trace.untaught_answers


def test_two_numbers_answered_at_once_are_a_fact_in_either_order() -> None:
    low, high = next(
        (a, b) for a in range(23) for b in range(23) if is_untaught(a, b) and not is_untaught(b, a)
    )
    assert 0 in sum_trace([low, high]).untaught_answers
    assert 0 in sum_trace([high, low]).untaught_answers


def test_orders_differ_between_attempts() -> None:
    rng, problem = np.random.default_rng(0), sum_problem((1, 2, 3, 4, 5, 6, 7, 8))
    task = SumTask(8, 8)
    assert len({task.trace(problem, rng).thought for _ in range(20)}) == 20
