"""Predictions against measurements: what each row has been held out of."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rooflink.profiling.predicted.cases import Case, Piece, Predicted
from rooflink.profiling.predicted.step.step_work import elementwise_work
from rooflink.profiling.records.base import Interval
from rooflink.profiling.validation.validate import case_key, score
from rooflink.tpu_configs.slice import parse_slice


def case(observed: float, **changes: object) -> Case:
    plain = Case(
        id="a.csv:1", source="a source", stack="vLLM", group="decode", model="a model",
        slice=parse_slice("v5e"), matmul_dtype="bfloat16", narrowing=0.0,
        pieces=(Piece("decode", 1.0, elementwise_work(1e9)),), copies=1, observed=observed,
        unit="s", scope="chips", reliability="A",
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def always(median: float, low: float, high: float):  # type: ignore[no-untyped-def]
    def predictor(cases: Sequence[Case]) -> list[Predicted]:
        whole = Interval(median=median, low=low, high=high)
        return [Predicted(whole, "seven rows")] * len(cases)

    return predictor


def test_a_row_that_the_fit_has_not_seen_is_held_out_only() -> None:
    (row,), left_out = score([case(2.0)], always(1.0, 0.5, 1.5), {})
    assert left_out == []
    assert row.fitted is None
    assert row.error("held out") == pytest.approx(-0.5)
    assert row.covered("held out") is False
    assert row.error("fitted") is None


def test_a_fitted_row_has_both_predictions() -> None:
    seen = case(2.0)
    ways = {
        "model": Interval(median=3.0, low=1.0, high=4.0),
        "system": Interval(median=4.0, low=1.0, high=5.0),
        "stack": Interval(median=1.0, low=0.5, high=1.5),
    }
    (row,), _ = score([seen], always(2.2, 1.9, 2.5), {case_key(seen): ways})
    assert row.unseen is None
    assert row.error("fitted") == pytest.approx(0.1)
    assert row.error("held out") == pytest.approx(0.5)
    assert row.error("system held out") == pytest.approx(1.0)
    assert row.error("stack held out") == pytest.approx(-0.5)
    assert (row.covered("held out"), row.covered("stack held out")) == (True, False)


def test_a_row_says_what_of_it_no_fit_has_seen() -> None:
    """vLLM and H100 are in the fit; TPU v2 is no chip of it, and 'my server' no stack."""
    known = case(2.0, slice=parse_slice("h100"))
    strange = [known, replace(known, stack="my server"), case(2.0, slice=parse_slice("v2"))]
    rows, _ = score(strange, always(1.0, 0.5, 1.5), {})
    assert [row.unseen for row in rows] == ["model", "stack", "system"]


def test_a_case_is_known_again_in_another_file_but_not_with_another_value() -> None:
    assert case_key(case(2.0)) == case_key(case(2.0, id="b.csv:9"))
    assert case_key(case(2.0)) != case_key(case(2.1))
    assert case_key(case(2.0)) != case_key(case(2.0, note="another shape"))


def test_an_unknown_power_leaves_the_row_out() -> None:
    unknown = case(2.0, unit="J", group="energy")
    rows, left_out = score([unknown], lambda cases: [None], {})
    assert rows == []
    assert "power of TPU v5e" in left_out[0].reason
