"""Findings: sizes worked by hand under each lens, what is not said, and how it reads.

The profile: a prefill of 2 s and a think phase of 8 s, all in 10 s. Think moves 100 GB: 60 of
weights, 30 of KV cache, 10 of activations; 40 of its 100 slots are idle.
"""

import pytest
from real_records import compiled_for, counted_profile, real_prediction, real_profile
from sample_calibration import sample_calibration

from rooflink.model.config import PRESETS
from rooflink.profiling.findings import find
from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.predict import predict
from rooflink.profiling.predicted.query import Query
from rooflink.profiling.predicted.step.collectives import ONE_CHIP, Parallelism
from rooflink.profiling.records import (
    CompiledPhase,
    CountedCost,
    Excess,
    Finding,
    HbmBytes,
    HbmRow,
    Interval,
    MeasuredCost,
    Phase,
    PredictedPhase,
    Prediction,
    Profile,
    Spread,
    TargetRoofline,
)
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import Slice

GB = 10**9
SLICE = "v5e:2x4"  # of the prediction


def measured(seconds: float, bandwidth: float, flops: float) -> MeasuredCost:
    return MeasuredCost(
        time_s=Spread(median=seconds, low=seconds, high=seconds, repeats=[seconds]),
        tokens_per_s=1.0,
        flops_per_s=flops,
        bytes_per_s=bandwidth,
        bandwidth_share=bandwidth,
        flops_share=flops,
    )


def phase(name: str, **changes: object) -> Phase:
    read = name == "prefill"
    moved = HbmBytes(
        weights=60 * GB, kv_read=0 if read else 28 * GB, kv_write=0 if read else 2 * GB,
        activations=10 * GB,
    )  # fmt: skip
    found = Phase(
        name=name,
        tokens=30 if read else 60,
        forced_tokens=0,
        sequences=2 if read else 8,
        steps=1 if read else 10,
        idle_slots=0 if read else 40,
        padded_tokens=0,
        counted=CountedCost(flops=200 if read else 100, vector_flops=0, hbm_bytes=moved),
        measured=None,
    )
    return found.model_copy(update=changes)


def profile(**changes: object) -> Profile:
    """2 prompts x 4 attempts, neither run nor placed."""
    sample = counted_profile()
    workload = sample.workload.model_copy(update={"prompts": 2, "batch": 2, "attempts": 4})
    model = sample.model.model_copy(update={"dtype": "bfloat16"})
    bare = {
        "workload": workload, "model": model, "phases": [phase("prefill"), phase("think")],
        "placements": [], "predictions": [], "asked_slices": [], "compiled": [],
    }  # fmt: skip
    return sample.model_copy(update=bare | changes)


def ran(think: MeasuredCost, prefill: MeasuredCost, **changes: object) -> Profile:
    phases = [phase("prefill", measured=prefill, **changes), phase("think", measured=think)]
    return profile(phases=phases)


COMPUTE_BOUND = measured(2.0, bandwidth=0.1, flops=0.5)
MEMORY_BOUND = measured(8.0, bandwidth=0.5, flops=0.1)


def seconds(median: float) -> Interval:
    return Interval(median=median, low=median, high=median)


def terms(name: str, time_s: float, **times: float) -> PredictedPhase:
    none = dict.fromkeys(("compute_s", "memory_s", "on_chip_s", "links_s", "overhead_s"), 0.0)
    return PredictedPhase(
        phase=name, tokens=1.0, steps=1.0, time_s=seconds(time_s), energy_j=None, bound="memory",
        flops=1.0, memory_bytes=1.0, link_bytes=0.0, **(none | times),
    )  # fmt: skip


def prediction(largest_batch: int = 100) -> Prediction:
    """Think: 6 s of memory and 2 s of overhead, a quarter of which grows with the sequences."""
    sample = real_prediction()
    think = terms(
        "think", 8.0, compute_s=1.0, memory_s=6.0, overhead_s=2.0, sequence_overhead_s=0.5
    )
    return real_prediction(
        phases=[terms("prefill", 2.0, compute_s=2.0), think],
        fit=sample.fit.model_copy(update={"largest_batch": largest_batch}),
    )


def by_how(findings: list[Finding]) -> dict[str, float]:
    """First word of what to do -> what it saves."""
    return {found.how.split()[0]: found.saves_share or 0 for found in findings if found.how}


def test_measured_sizes_by_hand() -> None:
    """Idle slots: 40 % of think's 8 s. Twice the batch: half of 60 % of the bytes that bind it."""
    found = find(ran(MEMORY_BOUND, COMPUTE_BOUND))
    assert by_how(found) == pytest.approx({"Refill": 0.32, "Run": 0.24})
    assert {each.lens for each in found} == {"measured"}


def test_of_a_phase_that_nothing_bounds_here_only_idle_slots_are_told() -> None:
    neither = measured(8.0, bandwidth=0.1, flops=0.05)
    assert by_how(find(ran(neither, COMPUTE_BOUND))) == pytest.approx({"Refill": 0.32})


def test_padding_takes_its_share_of_a_prefill_that_memory_does_not_bound() -> None:
    """20 of 50 positions of 2 s: 0.8 s of 10 s."""
    found = find(ran(MEMORY_BOUND, COMPUTE_BOUND, padded_tokens=20))
    assert by_how(found)["Batch"] == pytest.approx(0.08)
    by_memory = measured(2.0, bandwidth=0.5, flops=0.1)
    assert "Batch" not in by_how(find(ran(MEMORY_BOUND, by_memory, padded_tokens=20)))


def test_predicted_sizes_by_hand() -> None:
    """Of 10 s. Twice the batch: 6 s x 0.3 of memory, 2 s x 0.75 / 2 of overhead. Refilled slots:
    6 s x 0.6 x 0.4 and 2 s x 0.75 x 0.4. int8 weights: 6 s x 0.3; int8 KV: 6 s x 0.15."""
    found = find(profile(predictions=[prediction()], asked_slices=[SLICE]))
    shares = [each.saves_share for each in found]
    assert shares == pytest.approx([0.255, 0.204, 0.18, 0.09])
    assert [each.how and each.how.split()[0] for each in found] == ["Run", "Refill", "Keep", "Keep"]
    assert [each.command for each in found] == [
        "--batch 4", None, "--weight-dtype int8", "--kv-dtype int8",
    ]  # fmt: skip
    assert [each.answers for each in found] == ["unchanged"] * 2 + ["may change"] * 2
    assert {(each.lens, each.basis, each.of) for each in found} == {
        ("predicted", f"predicted on {SLICE}", "time per query")
    }


def test_a_batch_that_memory_does_not_hold_twice_is_not_proposed() -> None:
    full = profile(predictions=[prediction(largest_batch=15)])  # 8 sequences run together
    assert "Run" not in by_how(find(full))
    assert "Run" in by_how(find(profile(predictions=[prediction(largest_batch=16)])))


def test_float32_is_halved_as_a_whole() -> None:
    model = profile().model.model_copy(update={"dtype": "float32"})
    found = find(profile(predictions=[prediction()], model=model))
    (narrower,) = [each for each in found if each.answers == "may change"]
    assert narrower.saves_share == pytest.approx(0.3)  # half of 6 s of 10 s
    assert narrower.command == "--dtype bfloat16"


def test_sizes_at_datasheet_peak_by_hand() -> None:
    """Think: 6 s of bytes, 1 s of FLOPs; prefill: 2 s of FLOPs. Of 8 s."""
    sample = real_profile().placements[0]
    placement = sample.model_copy(
        update={
            "chips": 1,
            "peak_flops": 100.0,
            "hbm_bandwidth": 100 * GB / 6,
            "resident_bytes": 3 * GB,
            "hbm_capacity_bytes": 10.0 * GB,
        }
    )
    model = profile().model.model_copy(update={"weight_bytes": 2 * GB})
    prefill = phase("prefill")
    small = prefill.counted.model_copy(
        update={"hbm_bytes": HbmBytes(weights=1, kv_read=0, kv_write=0, activations=0)}
    )
    phases = [phase("prefill", counted=small), phase("think")]
    found = find(profile(phases=phases, placements=[placement], model=model))
    assert [each.saves_share for each in found] == pytest.approx([0.225, 0.225, 0.18, 0.1125])
    assert {each.basis for each in found} == {f"at the datasheet peak of {placement.chip}"}
    tight = placement.model_copy(update={"resident_bytes": 9 * GB})  # 7 GB of cache, room for 8
    assert "Run" not in by_how(find(profile(phases=phases, placements=[tight], model=model)))


def test_the_slice_that_was_asked_for_comes_before_what_was_measured() -> None:
    run = ran(MEMORY_BOUND, COMPUTE_BOUND).model_copy(update={"predictions": [prediction()]})
    asked = run.model_copy(update={"asked_slices": [SLICE]})
    assert {each.lens for each in find(asked)} == {"predicted"}
    assert {each.lens for each in find(run)} == {"measured"}


def test_without_a_run_the_cheapest_slice_is_the_basis() -> None:
    dear, cheap = prediction(), prediction().model_copy(update={"slice": "v6e:1x1"})
    priced = [
        each.model_copy(update={"economics": economics_of(each, load_chip("v5e"), Terms(price))})
        for each, price in ((dear, 2.0), (cheap, 1.0))
    ]
    assert {each.basis for each in find(profile(predictions=priced))} == {"predicted on v6e:1x1"}


def test_nothing_is_said_without_a_basis_or_below_what_is_worth_it() -> None:
    assert find(profile()) == []
    busy = [phase("prefill"), phase("think", idle_slots=3)]  # 3 of 63 slots
    found = find(profile(phases=busy, predictions=[prediction()]))
    assert "Refill" not in by_how(found)
    assert find(profile(phases=[]), interrupted=True) == []


def test_sharing_a_prompt_is_no_finding() -> None:
    """It saves 1 - 1/N by construction: a fact for a table."""
    for found in find(real_profile()) + find(counted_profile()):
        assert "prompt's KV" not in found.sentence


def compiled(roof: TargetRoofline) -> Profile:
    """Ten calls of think at 0.5 s and one of prefill at 5 s; 40 of think's 100 bytes in excess."""
    target = compiled_for("v5e:2x4")
    first = target.phases[0]
    excess = Excess(
        name="copies of kv", excess_bytes=40, share=0.6, evidence="copy.1", fix="donate"
    )

    def call(name: str, time_s: float, **changes: object) -> CompiledPhase:
        same = {"phase": name, "passes": 1, "predicted_time_s": seconds(time_s), "excesses": []}
        return first.model_copy(update=same | changes)

    rows = [HbmRow(scope="mlp", kind="weights", read_bytes=90, written_bytes=10)]
    think = call("think", 0.5, at_peak=roof, hbm=rows, excesses=[excess])
    phases = [call("prefill", 5.0), think]
    return profile(compiled=[target.model_copy(update={"phases": phases})])


def test_compiled_excess_by_hand() -> None:
    """40 % of 0.4 s of bytes; but only 0.1 s until the links bind. Ten calls of 10 s in all."""
    roof = TargetRoofline(ridge=1.0, compute_s=0.1, memory_s=0.4, links_s=0.3)
    (found,) = find(compiled(roof))
    assert found.saves_share == pytest.approx(0.1)
    free = roof.model_copy(update={"links_s": 0.0})
    (found,) = find(compiled(free))
    assert found.saves_share == pytest.approx(0.16)
    assert (found.lens, found.phase) == ("compiled", "think")
    assert find(compiled(roof.model_copy(update={"compute_s": 0.5}))) == []  # bytes do not bind it


def test_how_a_change_reads() -> None:
    found = find(ran(MEMORY_BOUND, COMPUTE_BOUND))
    assert [each.sentence for each in found] == [
        "Finished attempts hold 40 % of the slots of think until the longest attempt of their "
        "batch has ended. Refill finished slots (continuous batching): saves about 32 % of the "
        "time per "
        "query, measured on this machine.",
        "Each pass of think reads all weights for 8 sequences: 60 % of the bytes moved. Run 4 "
        "prompts together instead of 2, so that a batch takes 1.52 times as long (--batch 4): "
        "saves about 24 % of the time per query, measured on this machine.",
    ]
    assert found[1].evidence == "counted: weights are 60 GB of 100 GB"


def test_an_interrupted_run_is_noted_first() -> None:
    note, *rest = find(ran(MEMORY_BOUND, COMPUTE_BOUND), interrupted=True)
    assert note.sentence == (
        "The measurement was interrupted: times rest on 1 repeat instead of those asked for."
    )
    assert (note.kind, note.saves_share) == ("note", None)
    assert {each.kind for each in rest} == {"change"}


@pytest.mark.parametrize(
    ("chips", "split", "short"), [(1, ONE_CHIP, 0.06), (4, Parallelism(tensor=4), 0.15)]
)
@pytest.mark.parametrize("attempts", [4, 64])
def test_a_larger_batch_saves_nearly_what_predicting_anew_says(
    chips: int, split: Parallelism, short: float, attempts: int
) -> None:
    """Within six points of the whole on one chip, at 4 and 64 sequences. On four, collectives of so
    few bytes take hardly longer for twice as many: more is saved than said, never less."""
    config, calibration = PRESETS["llama3-8b"], sample_calibration()
    over = Slice(load_chip("h100"), (chips,))

    def asked(prompts: float) -> Prediction:
        lengths = Lengths(prompts, float(attempts), 128.0, 256.0, 16.0)
        query = Query(named_shape(config.name), lengths, slice=over, split=split)
        return predict(query, calibration)

    once, twice = asked(1.0), asked(2.0)
    kv_bytes = config.kv_bytes_per_token("bfloat16")
    phases = [counted_of(each, attempts, config.weight_bytes("bfloat16"), kv_bytes)
              for each in once.phases]  # fmt: skip
    workload = profile().workload.model_copy(update={"batch": 1, "attempts": attempts})
    found = find(profile(phases=phases, predictions=[once], workload=workload))
    anew = 1 - twice.time_s.median / 2 / once.time_s.median
    assert anew - short <= by_how(found)["Run"] <= anew + 0.06


def counted_of(predicted: PredictedPhase, attempts: int, weights: int, kv_bytes: int) -> Phase:
    """A phase with the bytes that its passes move: weights, and KV of half its length."""
    read = predicted.phase == "prefill"
    steps = 1 if read else int(predicted.steps)
    keys = 0 if read else steps * attempts * (256 // 2 if predicted.phase == "think" else 256)
    moved = HbmBytes(
        weights=steps * weights, kv_read=(keys + steps * 128) * kv_bytes, kv_write=0, activations=0
    )
    return Phase(
        name=predicted.phase, tokens=int(predicted.tokens), forced_tokens=0,
        sequences=1 if read else attempts, steps=steps, idle_slots=0, padded_tokens=0,
        counted=CountedCost(flops=0, vector_flops=0, hbm_bytes=moved), measured=None,
    )  # fmt: skip
