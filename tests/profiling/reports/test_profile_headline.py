"""The first sentences of a profile agree with its tables, whatever is in them."""

import random

from real_records import about, real_prediction, real_profile, round_prediction, whole_run

from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.records import Prediction, Profile
from rooflink.profiling.records.prediction import PredictedBound
from rooflink.profiling.records.profile import toy_note
from rooflink.profiling.reports import units
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.sections.prediction_document import slices_table
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.sections.profile_facts import BOUND_WORDS, headline
from rooflink.tpu_configs.catalog import load_chip

RECORDS = 500
BOUNDS: tuple[PredictedBound, ...] = ("compute", "memory", "on-chip", "links", "overhead")


def random_prediction(dice: random.Random, name: str) -> Prediction:
    phases = [
        phase.model_copy(
            update={"time_s": about(10 ** dice.uniform(-4, 1)), "bound": dice.choice(BOUNDS)}
        )
        for phase in real_prediction().phases
    ]
    whole = about(sum(phase.time_s.median for phase in phases))
    made = round_prediction(phases=phases, time_s=whole, slice=name)
    price = 10 ** dice.uniform(-2, 2)
    return made.model_copy(
        update={"economics": economics_of(made, load_chip("v5e"), Terms(price=price))}
    )


def random_profile(dice: random.Random) -> Profile:
    names = [f"v5e-{n}" for n in range(dice.randint(1, 5))]
    predictions = [random_prediction(dice, name) for name in names]
    asked = dice.sample(names, dice.randint(0, len(names)))
    served = random_prediction(dice, "v6e:2x2") if dice.random() < 0.5 else None
    return whole_run().model_copy(
        update={"predictions": predictions, "asked_slices": asked, "stand_in": served}
    )


def test_the_headline_is_of_the_cheapest_slice_and_its_own_bound() -> None:
    dice = random.Random(1)
    for _ in range(RECORDS):
        profile = random_profile(dice)
        rows = rows_of(slices_table(profile.predictions))
        wanted = [row for row in rows if row["slice"] in profile.asked_slices] or rows
        best = min(wanted, key=lambda row: row["usd_per_query"])
        text = headline(profile)
        phases = ("prefill", "think", "answer")
        longest = max(phases, key=lambda name: best[f"{name}_s"])
        limit = BOUND_WORDS[best[f"{longest}_bound"]]
        assert text.startswith(f"Predicted on {best['slice']}")
        assert f"costs {units.usd_per(best['usd_per_query'], 'query', 'queries')}; " in text
        share = units.share(best[f"{longest}_s"] / best["time_s"])
        assert f"; {longest} is {share} of it, limited by {limit}. " in text


def test_a_slice_asked_for_by_name_is_the_headlines() -> None:
    dice = random.Random(2)
    cheap, dear = random_prediction(dice, "v5e-1"), random_prediction(dice, "v5p-8")
    profile = whole_run().model_copy(
        update={"predictions": [dear, cheap], "asked_slices": ["v5p-8"]}
    )
    assert headline(profile).startswith("Predicted on v5p-8 as asked, the run takes")


def test_the_cheapest_is_of_the_slices_that_have_a_price() -> None:
    dice = random.Random(5)
    names = ["v5e-1", "v6e-1", "v7x-1"]
    slices = [random_prediction(dice, name) for name in names]
    slices[2] = slices[2].model_copy(update={"economics": None})
    profile = whole_run().model_copy(update={"predictions": slices, "asked_slices": []})
    assert ", the cheapest of 2 slices with a price, the run takes" in headline(profile)
    asked = profile.model_copy(update={"asked_slices": names})
    assert ", the cheapest of 2 slices asked for with a price, the run" in headline(asked)
    unpriced = profile.model_copy(update={"predictions": slices[2:] * 2})
    assert ", the fastest of 2 slices, the run takes" in headline(unpriced)


def test_a_toy_is_said_to_be_one_beside_a_model_that_is_served() -> None:
    profile = random_profile(random.Random(3))
    alone = headline(profile.model_copy(update={"stand_in": None}))
    assert f" {toy_note(profile)}. " in alone
    served = random_prediction(random.Random(4), "v6e:2x2")
    served = served.model_copy(update={"model": "llama3-8b"})
    beside = profile.model_copy(update={"stand_in": served})
    assert "is a toy: with llama3-8b the same thoughts, predicted on v6e:2x2, take" in headline(
        beside
    )
    captions = [table.caption for table in profile_document(beside).tables()]
    assert "The same thoughts on llama3-8b" in captions


def test_without_predictions_the_datasheet_speaks(not_run: Profile) -> None:
    profile = real_profile()
    times = [phase.measured.time_s.median for phase in profile.phases if phase.measured]
    think, (first,) = profile.phases[1].counted, profile.findings
    ridges = sorted(placement.ridge for placement in profile.placements)
    assert first.saves_share
    assert headline(profile) == (
        f"Thinking took {units.share(times[1] / sum(times))} of the time measured on this CPU; by "
        f"the datasheet it is memory-bound on every chip: {think.intensity:.2f} FLOP per byte "
        f"against ridges of {ridges[0]:.0f} to {ridges[-1]:.0f}. To do first: refill finished "
        f"slots (continuous batching), {units.share(first.saves_share)} less time per query, "
        "measured on this machine."
    )
    moved = [phase.counted.hbm_bytes.total for phase in not_run.phases]
    counted = f"Thinking moves {units.share(moved[1] / sum(moved))} of the counted HBM bytes"
    assert headline(not_run).startswith(f"{counted};")
