"""Records that real commands wrote, and small changes to them, for tests of what is shown of them.

`make_records` beside this file has the commands, and remakes tests/data/records.
"""

from functools import cache
from pathlib import Path
from typing import TypeVar

from rooflink.profiling.findings import find
from rooflink.profiling.records import CompiledTarget, Interval, Prediction, Profile
from rooflink.profiling.records.base import Record
from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.records.evaluation import Evaluation
from rooflink.profiling.records.files import load_record
from rooflink.profiling.records.validation import Validation

RECORDS = Path(__file__).parents[1] / "data" / "records"
KINDS: dict[str, type[Record]] = {
    "run": Profile,
    "counted": Profile,
    "evaluation": Evaluation,
    "validation": Validation,
    "codesign": CodesignReport,
}
"""Name of a file in RECORDS -> what it holds."""

Held = TypeVar("Held", bound=Record)


def load(kind: type[Held], name: str) -> Held:
    """The record of that name."""
    return load_record(kind, RECORDS / f"{name}.json")


@cache
def whole_run() -> Profile:
    """The embedded reasoner, 4 prompts x 4 attempts, run and traced on a CPU: with predictions on
    v5e:2x4 and v6e:2x2, compiled for the CPU and for v5e:2x4."""
    return load(Profile, "run")


@cache
def real_profile(name: str = "run") -> Profile:
    """The run as measured, with its lower bounds: not predicted, compiled or traced."""
    plain = {"name": name, "predictions": [], "compiled": [], "trace": None, "findings": []}
    profile = whole_run().model_copy(update=plain)
    return profile.model_copy(update={"findings": find(profile)})


@cache
def counted_profile() -> Profile:
    """SmolLM2-135M on 4 prompts x 4 attempts, counted, and predicted on two slices: not run."""
    return load(Profile, "counted")


def real_prediction(**changes: object) -> Prediction:
    """The run's prediction on v5e:2x4, with `changes`."""
    return whole_run().predictions[0].model_copy(update=changes)


def about(median: float) -> Interval:
    """From a fifth less to a half more."""
    return Interval(median=median, low=0.8 * median, high=1.5 * median)


def round_prediction(**changes: object) -> Prediction:
    """The run's prediction in figures to reckon with: 10 s and 1 kJ on 8 chips, for 4 prompts x 2
    attempts; think makes 8,000 tokens in 9 s, bound by memory."""
    parts = (("prefill", 2000.0, 1.0, 0.5), ("think", 8000.0, 999.0, 9.0),
             ("answer", 400.0, 50.0, 0.5))  # fmt: skip
    phases = [
        phase.model_copy(
            update={
                "phase": name, "tokens": tokens, "steps": steps, "bound": "memory",
                "time_s": about(time_s), "energy_j": about(100 * time_s),
                "flops": 3e12 * tokens, "memory_bytes": 1e9 * steps,
            }
        )
        for phase, (name, tokens, steps, time_s) in zip(
            real_prediction().phases, parts, strict=True
        )
    ]  # fmt: skip
    rounded = {
        "time_s": about(10.0), "energy_j": about(1000.0), "phases": phases, "prompts": 4,
        "attempts": 2, "prompt_tokens": 500, "think_tokens": 1000, "answer_tokens": 50,
    }  # fmt: skip
    return real_prediction(**(rounded | changes))


def compiled_for(target: str) -> CompiledTarget:
    """The run's program for 'cpu' or 'v5e:2x4'."""
    return next(each for each in whole_run().compiled if each.target == target)


@cache
def real_evaluation() -> Evaluation:
    """Five strategies at two budgets on two slices, two of them sampled."""
    return load(Evaluation, "evaluation")


@cache
def real_codesign() -> CodesignReport:
    """One model on two slices, with a what-if, chips searched for and data centers: `rooflink
    codesign RUN --slice v5e-8 --slice v5p:2x2x1 --what-if kv_dtype=int8,kv_heads=4`, its figures
    but for predictions to five digits."""
    return load(CodesignReport, "codesign")


@cache
def real_validation() -> Validation:
    """Four of its rows and three worked problems; the errors and the peers are of the whole."""
    return load(Validation, "validation")
