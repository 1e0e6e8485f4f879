"""What-ifs and chip budgets of any text; records with extreme figures, analysed."""

import json
import math
import os
from collections.abc import Iterator
from functools import cache, reduce
from operator import getitem
from pathlib import Path

from fuzzing import Reader, assert_reads_or_refuses, mutated_text, numbers, text_reader
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sample_calibration import sample_calibration
from sample_settings import sample_setting

from rooflink.profiling.co_design.analyse import CodesignOptions, analyse
from rooflink.profiling.co_design.search_report import design_searches, parse_chip_budget
from rooflink.profiling.co_design.what_if import KNOBS, parse_what_if, what_if
from rooflink.profiling.co_design.workload_mix import mix_of
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.names import slice_named
from rooflink.profiling.records import Profile
from rooflink.profiling.records.codesign import DesignSearch

EXAMPLES = max(3, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 50)
"""Of whole analyses, which take a second each."""
WHAT_IFS = ["hbm_bandwidth=2x,kv_dtype=int8", "layers=0.5x,kv_heads=1,mlp=0.5x,window=100",
            "think=2x,attempts=2x,batch=2,early_exit=0.5,experts_active=0.5",
            "draft_tokens=3,acceptance=0.5,draft_cost=0.1", "flops=1e15,tile=2x,on_chip_bytes=2x",
            "weight-dtype=int4,prompt=1024,answer=2x,link_latency=0.5x"]  # fmt: skip
BUDGETS = ["area=800mm2", "power=700W", "cost=$3000", "usd=3000$", "watts=1e3"]
READERS: dict[str, Reader] = {
    "what_if": text_reader(parse_what_if),
    "chip_budget": text_reader(parse_chip_budget),
}


def finite(value: object) -> Iterator[float]:
    """Every number of a record."""
    if isinstance(value, dict):
        for part in value.values():
            yield from finite(part)
    elif isinstance(value, list):
        for part in value:
            yield from finite(part)
    elif isinstance(value, float):
        yield value


@given(mutated_text(WHAT_IFS))
def test_a_what_if_is_applied_or_refused(text: str) -> None:
    stated = assert_reads_or_refuses(parse_what_if, text)
    if stated is not None:
        assert_reads_or_refuses(lambda each: what_if(sample_setting(), each), stated)


NUMBERS = st.floats(1e-12, 1e24).map(str) | st.sampled_from(["1", "0.5", "2", "1e9", "1e-9"])
NAMES = st.sampled_from([*KNOBS, "hbm_bandwidth", "hbm_capacity", "link_latency", "matrix_tile",
                         "host_overhead", "on_chip_capacity", "flops"])  # fmt: skip
STATED = st.lists(st.tuples(NAMES, NUMBERS, st.sampled_from(["", "x"])), min_size=1, max_size=4,
                  unique_by=lambda one: one[0])  # fmt: skip


@given(STATED, st.sampled_from(["", ",kv_dtype=int4", ",weight_dtype=float32"]))
def test_a_what_if_of_any_figures_has_finite_figures(
    stated: list[tuple[str, str, str]], dtype: str
) -> None:
    text = ",".join(f"{name}={number}{times}" for name, number, times in stated) + dtype

    def applied(_: object) -> object:
        return what_if(sample_setting(), parse_what_if(text))

    record = assert_reads_or_refuses(applied, None)
    if record is not None:
        assert all(map(math.isfinite, finite(record.model_dump())))  # type: ignore[attr-defined]


@given(mutated_text(BUDGETS))
def test_a_chip_budget_is_read_or_refused(text: str) -> None:
    assert_reads_or_refuses(parse_chip_budget, text)


@cache
def compiled(kind: str) -> None:
    """Searches under a kind of budget, which take seconds the first time."""
    searched(f"{kind}=5e3")


def searched(budget: str) -> list[DesignSearch]:
    case = sample_setting()
    return design_searches(case, mix_of(case.query), parse_chip_budget(budget))


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(["area", "power", "cost"]), st.floats(1e-3, 1e9))
def test_a_search_under_any_budget_finds_a_chip_or_says_the_least(kind: str, amount: float) -> None:
    compiled(kind)
    records = assert_reads_or_refuses(searched, f"{kind}={amount}")
    for record in records or []:  # type: ignore[attr-defined]
        assert all(map(math.isfinite, finite(record.model_dump())))


RECORDS = [json.loads((Path(__file__).parents[1] / "data/records" / name).read_text())
           for name in ("run.json", "counted.json")]  # fmt: skip


def with_strategy(record: dict) -> dict:
    """The record as a strategy's: it verified, copied branches, read its answers again, revised."""
    phases = {"verify": (40, 2), "branch": (0, 4), "re-prefill": (200, 1), "revise": (64, 16)}
    made = [{**record["phases"][1], "name": name, "tokens": tokens, "steps": steps,
             "measured": None} for name, (tokens, steps) in phases.items()]  # fmt: skip
    workload = record["workload"] | {"strategy": "self-refine"}
    return record | {"workload": workload, "phases": [*record["phases"], *made]}


RECORDS.append(with_strategy(RECORDS[0]))
EXTREMES = st.sampled_from([0, 1, 2, 3, 1000, 10**6, 10**9, 10**12, 10**15, 0.0, 1e-9, 1e-300,
                            0.5, 1e30, 1e300])  # fmt: skip


READ = {"workload", "model", "phases", "outcome"}
PLACES = [
    [place for place in numbers(record) if place[0] in READ and "measured" not in place]
    for record in RECORDS
]


def with_figures(which: int, changes: list[tuple[int, float]]) -> Profile | None:
    """A real record with other figures; None where the record refuses them."""
    record = json.loads(json.dumps(RECORDS[which]))
    for index, new in changes:
        *path, last = PLACES[which][index % len(PLACES[which])]
        table = reduce(getitem, path, record)
        table[last] = int(new) if isinstance(table[last], int) else float(new)
    try:
        return Profile.model_validate(record)
    except (ValidationError, ProfileInputError):
        return None


CHANGES = st.lists(st.tuples(st.integers(0, 999), EXTREMES), min_size=1, max_size=3)


@settings(max_examples=EXAMPLES)
@given(st.integers(0, len(RECORDS) - 1), CHANGES)
def test_a_valid_record_is_analysed_or_refused(
    which: int, changes: list[tuple[int, float]]
) -> None:
    compiled("cost")
    profile = with_figures(which, changes)

    def analysed(_: object) -> object:
        assert profile is not None
        options = CodesignOptions(what_ifs=[parse_what_if("hbm_bandwidth=2x")])
        return analyse([profile], [slice_named("v5e-8")], options, sample_calibration())

    if profile is not None:
        assert_reads_or_refuses(analysed, None)
