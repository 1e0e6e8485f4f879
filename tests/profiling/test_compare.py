"""Ratios worked by hand, noise, and what must not be compared silently."""

import io
import random

import pytest
from real_records import about, counted_profile, real_profile, round_prediction
from rich.console import Console

from rooflink.profiling.comparison import Comparison, compare
from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.records import (
    Amounts,
    HbmBytes,
    MeasuredCost,
    Prediction,
    Profile,
    Spread,
)
from rooflink.profiling.records.profile import total_phase
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.sections.comparison_document import (
    comparison_document,
    headline,
    notes,
    predicted_table,
    ratios_table,
)
from rooflink.tpu_configs.catalog import load_chip


def timed(profile: Profile, times: list[list[float]]) -> Profile:
    """The profile with these repeats as its phases' times."""
    phases = []
    for phase, repeats in zip(profile.phases, times, strict=True):
        spread = Spread(
            median=sorted(repeats)[len(repeats) // 2],
            low=min(repeats),
            high=max(repeats),
            repeats=repeats,
        )
        cost = MeasuredCost(
            time_s=spread,
            tokens_per_s=phase.tokens / spread.median,
            flops_per_s=1.0,
            bytes_per_s=1.0,
            bandwidth_share=0.5,
            flops_share=0.25,
        )
        phases.append(phase.model_copy(update={"measured": cost}))
    return profile.model_copy(update={"phases": phases})


def ratio_rows(found: Comparison) -> list[list[str]]:
    table = ratios_table(found)
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def on(profile: Profile, **provenance: object) -> Profile:
    changed = profile.provenance.model_copy(update=provenance)
    return profile.model_copy(update={"provenance": changed})


A = timed(real_profile("a"), [[1.0, 1.1, 1.2], [4.0, 4.2, 4.1], [0.5, 0.6, 0.7]])
B = timed(real_profile("b"), [[1.15, 1.3, 1.4], [2.0, 2.05, 2.1], [0.8, 0.9, 1.0]])


def test_times_against_the_spread() -> None:
    found = compare(A, B)
    changes = [change.time for change in found.phases]
    assert [c.verdict for c in changes if c] == ["within spread", "faster", "slower"]
    assert changes[1]
    assert changes[1].ratio == pytest.approx(0.5)
    assert not found.unlike
    assert found.same_machine
    assert found.differences == []


def test_total_adds_repeats_one_by_one() -> None:
    total = total_phase(A)
    assert total.measured
    assert total.measured.time_s.repeats == pytest.approx([5.5, 5.9, 6.0])
    assert total.measured.time_s.median == pytest.approx(5.9)
    assert total.measured.tokens_per_s == pytest.approx(sum(p.tokens for p in A.phases) / 5.9)
    assert total.counted.flops == sum(p.counted.flops for p in A.phases)
    change = compare(A, B).total
    assert change
    assert change.time
    assert change.time.verdict == "faster"  # 4.25 against 5.9


def test_bytes_and_intensity_by_hand() -> None:
    def with_cost(flops: int, moved: HbmBytes) -> Profile:
        first = A.phases[0]
        cost = first.counted.model_copy(update={"flops": flops, "hbm_bytes": moved})
        return A.model_copy(update={"phases": [first.model_copy(update={"counted": cost})]})

    a = with_cost(1000, HbmBytes(weights=100, kv_read=50, kv_write=0, activations=50))
    b = with_cost(3000, HbmBytes(weights=100, kv_read=150, kv_write=10, activations=40))
    change = compare(a, b).phases[0]
    assert change.flops.ratio == 3.0
    assert {k: v.ratio for k, v in change.hbm_bytes.items()} == {
        "weights": 1.0,
        "kv_read": 3.0,
        "kv_write": None,
        "activations": 0.8,
        "total": 1.5,
    }
    assert (change.intensity.a, change.intensity.b, change.intensity.ratio) == (5.0, 10.0, 2.0)


def test_one_repeat_decides_nothing() -> None:
    once = timed(B, [[9.0], [9.0], [9.0]])
    verdicts = {change.time.verdict for change in compare(A, once).phases if change.time}
    assert verdicts == {"one repeat, spread unknown"}


def test_other_machine_is_flagged_and_its_ratio_not_printed() -> None:
    found = compare(A, on(B, device="another", versions={"python": "3.12.0"}))
    assert not found.same_machine
    assert {c.time.verdict for c in found.phases if c.time} == {"different machines"}
    assert ("machine", "device") in {(d.part, d.field) for d in found.differences}
    assert ("software", "jax", "absent") in {(d.part, d.field, d.b) for d in found.differences}
    assert any("not comparable" in note for note in notes(found))
    rows = [row for row in ratio_rows(found) if row[1] == "time, measured"]
    assert rows
    assert {(ratio, verdict) for *_, ratio, verdict in rows} == {("", "different machines")}


def test_unlike_workloads_are_listed() -> None:
    work = B.workload.model_copy(update={"attempts": 8})
    model = B.model.model_copy(update={"dtype": "bfloat16"})
    found = compare(A, B.model_copy(update={"workload": work, "model": model}))
    assert found.unlike
    assert {(d.part, d.field, d.a, d.b) for d in found.differences} == {
        ("model", "dtype", "float32", "bfloat16"),
        ("workload", "attempts", "4", "8"),
    }


def test_a_slower_machine_of_the_same_name_is_listed() -> None:
    assert B.machine
    changed = {"run_bandwidth": B.machine.bandwidth_then / 2,
               "matmul_flops": B.machine.matmul_flops * 0.99}  # fmt: skip
    found = compare(A, B.model_copy(update={"machine": B.machine.model_copy(update=changed)}))
    assert [(d.field, float(d.b)) for d in found.differences] == [
        ("read_bandwidth", pytest.approx(changed["run_bandwidth"], rel=1e-2))
    ]


def test_other_phases_have_no_total() -> None:
    found = compare(A, B.model_copy(update={"phases": B.phases[:2]}))
    assert found.total is None
    assert [change.phase for change in found.phases] == ["prefill", "think"]
    assert found.unlike


def test_accuracy_by_its_intervals() -> None:
    assert B.outcome
    better = B.outcome.model_copy(
        update={"accuracy": 0.95, "accuracy_low": 0.85, "accuracy_high": 0.99}
    )
    found = compare(A, B.model_copy(update={"outcome": better})).accuracy
    assert found
    assert found.verdict == "higher"
    same = compare(A, B).accuracy
    assert same
    assert same.verdict == "within interval"


def test_counted_only_compares() -> None:
    counted = counted_profile()
    found = compare(counted, A)
    assert found.accuracy is None
    assert all(change.time is None for change in found.phases)
    assert "time, measured" not in {row[1] for row in ratio_rows(found)}


def test_console_fits_80_columns() -> None:
    out = io.StringIO()
    show(comparison_document(compare(A, B)), Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum("slower" in line for line in lines) == 1


def predicted_at(
    usd: float, time_s: float, slice_: str = "v5e:1x1", joules: float = 1.0
) -> Prediction:
    """A prediction whose query takes this, with wide intervals."""
    made = round_prediction(slice=slice_, prompts=1.0, batches=1.0, time_s=about(time_s))
    bill = Amounts(usd=about(usd), wall_j=about(joules), gco2e=None)
    economics = economics_of(made, load_chip("v5e"), Terms())
    return made.model_copy(update={"economics": economics.model_copy(update={"per_query": bill})})


def with_figures(*predictions: Prediction, accuracy: float | None = 0.8) -> Profile:
    """A run of these predictions, right on so many, within a tenth."""
    assert A.outcome
    low, high = (None, None) if accuracy is None else (accuracy - 0.1, accuracy + 0.1)
    known = {"accuracy": accuracy, "accuracy_low": low, "accuracy_high": high}
    outcome = A.outcome.model_copy(update=known)
    return A.model_copy(update={"predictions": list(predictions), "outcome": outcome})


@pytest.mark.parametrize(
    ("usd", "accuracy", "worth"),
    [(0.5, 0.8, "yes"), (2.0, 0.8, "no"), (0.5, 0.4, "trade"), (2.0, 1.2, "trade"),
     (1.005, 0.85, "same"), (1.0, 1.2, "yes"), (1.0, 0.4, "no"), (0.5, None, "if as accurate"),
     (2.0, None, "if more accurate"), (1.0, None, "same")],
)  # fmt: skip
def test_a_change_is_worth_it_by_money_and_accuracy(
    usd: float, accuracy: float | None, worth: str
) -> None:
    before = with_figures(predicted_at(1.0, 1.0))
    after = with_figures(predicted_at(usd, 1.0), accuracy=accuracy)
    assert compare(before, after).worth == worth


def test_slices_that_disagree_decide_nothing() -> None:
    a = with_figures(predicted_at(1.0, 1.0), predicted_at(1.0, 1.0, "v6e:1x1"))
    b = with_figures(predicted_at(0.5, 1.0), predicted_at(2.0, 1.0, "v6e:1x1"))
    found = compare(a, b)
    assert found.worth == "by slice"
    assert headline(found).startswith(
        "It depends on the slice: predicted per query on 2 slices, b takes from 50 % less to 100 % "
        "more money, the same time"
    )


def test_a_slice_without_a_price_is_not_counted_among_those_that_tell_money() -> None:
    slices = ("v5e:1x1", "v6e:1x1", "v7x:1x1x1")
    a, b = (with_figures(*(predicted_at(usd, 1.0, name) for name in slices)) for usd in (2.0, 1.0))
    free = [p.model_copy(update={"economics": None}) if p.slice == slices[2] else p
            for p in b.predictions]  # fmt: skip
    found = compare(a, b.model_copy(update={"predictions": free}))
    said = "on 3 slices, b takes 50 % less money (known on 2 of them), the same time"
    assert said in headline(found)


def test_the_verdict_agrees_with_its_table() -> None:
    """For 500 pairs: what all slices say of money, and of accuracy by its intervals."""
    dice = random.Random(1)
    for _ in range(500):
        slices = [f"v5e-{n}" for n in range(dice.randint(1, 4))]
        a, b = (
            with_figures(
                *(predicted_at(dice.choice((1.0, 2.0, 3.0)), dice.choice((1.0, 2.0)), name)
                  for name in slices),
                accuracy=dice.choice((0.2, 0.5, 0.8)),
            )
            for _ in range(2)
        )  # fmt: skip
        found = compare(a, b)
        rows = rows_of(predicted_table(found))
        moved = {row["verdict"] for row in rows if row["figure"] == "cost"} or {"same"}
        assert found.accuracy
        better = ("less" in moved) + (found.accuracy.verdict == "higher")
        worse = ("more" in moved) + (found.accuracy.verdict == "lower")
        text = headline(found)
        assert text.startswith("It depends on the slice") == ({"less", "more"} <= moved)
        if not {"less", "more"} <= moved:
            assert text.startswith("b is worth it") == (better > 0 == worse)
            assert text.startswith("b is not worth it") == (worse > 0 == better)
            assert text.startswith("A trade") == (worse > 0 < better)
            assert text.startswith("No difference") == (worse == better == 0)


def test_a_machine_that_slowed_down_explains_a_slower_time() -> None:
    """Times 1.65 times as long beside two thirds of the bandwidth are no change of the program."""
    assert A.machine
    slower = [[1.65 * each for each in repeats] for repeats in ([1.0, 1.1], [4.0, 4.2], [0.5, 0.6])]
    limits = {"run_bandwidth": A.machine.bandwidth_then / 1.5}
    machine = A.machine.model_copy(update=limits)
    found = compare(A, timed(A, slower).model_copy(update={"machine": machine}))
    assert {c.time.verdict for c in found.phases if c.time} == {"within the machine's drift"}
    assert any("no change of the program" in note for note in notes(found))
    same = compare(A, timed(A, slower))
    assert {c.time.verdict for c in same.phases if c.time} == {"slower"}
