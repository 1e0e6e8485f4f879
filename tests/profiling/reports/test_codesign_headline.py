"""The headline of a co-design report agrees with the tables it stands above, whatever the record.

500 random records: the bound it names is that of the longest phase in most cases of the table, the
first recommendation is the best one of its list, printed savings fall, and a first one that does
not act on the bound is explained.
"""

import random
import re
from typing import get_args

import pytest
from real_records import real_codesign

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.codesign import Ask, CodesignCase, CodesignReport
from rooflink.profiling.records.prediction import PredictedBound
from rooflink.profiling.reports.codesign_words import headline, saving_kind, saving_size
from rooflink.profiling.reports.sections import codesign_tables as tables

RECORDS, BOUNDS = 500, get_args(PredictedBound)


def about(rng: random.Random, median: float) -> Interval:
    return Interval(median=median, low=median - rng.random(), high=median + rng.random())


def random_case(rng: random.Random, case: CodesignCase, name: str) -> CodesignCase:
    phases = []
    for phase in case.prediction.phases:
        time_s = rng.lognormvariate(0, 2)
        interval = Interval(median=time_s, low=time_s / 2, high=time_s * 2)
        phases.append(phase.model_copy(update={"time_s": interval, "bound": rng.choice(BOUNDS)}))
    prompts = float(rng.choice([1, 4, 4, 16]))
    prediction = case.prediction.model_copy(update={"phases": phases, "prompts": prompts})
    return case.model_copy(update={"prediction": prediction, "profile": name})


def random_asks(rng: random.Random, asks: list[Ask]) -> list[Ask]:
    """As the analysis ranks them: by falling medians, ties among them."""
    savings = sorted((rng.choice([0.3, rng.random()]) for _ in range(rng.randrange(6))),
                     reverse=True)  # fmt: skip
    if savings and rng.random() < 0.3:
        savings.append(-rng.random() / 10)  # of what acts on the bound
    return [
        rng.choice(asks).model_copy(
            update={
                "rank": rank, "change": f"change {rank}", "acts_on": rng.choice(BOUNDS),
                "saving": about(rng, saving), "quantity": rng.choice(["usd", "time"]),
                "time_saving": about(rng, rng.random() / 2),
            }
        )
        for rank, saving in enumerate(savings, start=1)
    ]  # fmt: skip


def random_report(seed: int) -> CodesignReport:
    rng, real = random.Random(seed), real_codesign()
    names = [f"profile {n}" for n in range(rng.randint(1, 3))]
    profiles = [
        real.profiles[0].model_copy(
            update={"name": name, "toy": "A model is a toy" if rng.random() < 0.3 else None}
        )
        for name in names
    ]
    cases = [random_case(rng, rng.choice(real.cases), name)
             for name in names for _ in range(rng.randint(1, 3))]  # fmt: skip
    return real.model_copy(
        update={
            "profiles": profiles, "cases": cases,
            "hardware_asks": random_asks(rng, real.hardware_asks),
            "model_asks": random_asks(rng, real.model_asks),
        }
    )  # fmt: skip


def written(share: str) -> float:
    """'5.8 %' as a number; '<0.1 %' is next to nothing."""
    return float(re.sub(r"[^\d.]", "", share.replace("<0.1", "0.05")))


@pytest.mark.parametrize("first", range(0, RECORDS, 50))
def test_what_limits_is_the_tables(first: int) -> None:
    for seed in range(first, first + 50):
        report = random_report(seed)
        toys = {profile.name for profile in report.profiles if profile.toy}
        serious = [case for case in report.cases if case.profile not in toys]
        text = headline(report)
        assert text.startswith("A model is a toy") == (not serious)
        table = tables.cases_table(serious or report.cases)
        longest, bounds = table.column("longest phase").cells, table.column("bound").cells
        found = re.search(r", (\S+) takes (.*) % of a query's time and is (\S+)-bound(.*)\.", text)
        assert found is not None
        phase, shares, bound, many = found.groups()
        alike = [cell for cell, each in zip(longest, bounds, strict=True)
                 if cell.split()[0] == phase and each == bound]  # fmt: skip
        kinds = [(cell.split()[0], each) for cell, each in zip(longest, bounds, strict=True)]
        assert len(alike) == max(kinds.count(kind) for kind in kinds) > 0
        named = re.findall(r"[\d.]+", shares)
        printed = [re.findall(r"[\d.]+", cell)[0] for cell in alike]
        assert {named[0], named[-1]} == {min(printed, key=float), max(printed, key=float)}
        if len(kinds) > 1 and len(alike) < len(kinds):
            assert many.startswith(f", in {len(alike)} of {len(kinds)} cases")


@pytest.mark.parametrize("first", range(0, RECORDS, 50))
def test_the_first_recommendation_is_the_best_and_explained(first: int) -> None:
    for seed in range(first, first + 50):
        report = random_report(seed)
        text = headline(report)
        bound = re.search(r"and is (\S+)-bound", text)
        assert bound is not None
        for side, asks in (("hardware", report.hardware_asks), ("the model", report.model_asks)):
            saving = [ask for ask in asks if ask.saving.median > 0]
            assert (f"First for {side}: " in text) == bool(saving)
            if not saving:
                continue
            best = max(saving, key=lambda ask: ask.saving.median)
            kind = saving_kind(best).partition(" (")[0]
            assert f"First for {side}: {best.change}, {saving_size(best)} {kind}." in text
            printed = [written(saving_size(ask)) for ask in saving]
            assert printed == sorted(printed, reverse=True)
        acting = [ask for ask in report.hardware_asks if ask.acts_on == bound[1]]
        explained = bool(acting) and acting[0] is not report.hardware_asks[0]
        assert ("does not act on the bound" in text) == explained
        if explained:
            assert f"{acting[0].change} does, and saves " in text
