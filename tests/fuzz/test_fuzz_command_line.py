"""Command lines of any content: options are refused in one sentence, or the job is made."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

import pytest
from fuzzing import (
    ODD_TEXTS,
    Reader,
    any_float,
    any_integer,
    any_text,
    assert_one_sentence,
    assert_reads_or_refuses,
    mutated_text,
    seeded,
)
from hypothesis import given
from hypothesis import strategies as st

from rooflink.profiling.cli import main
from rooflink.profiling.cli.job_commands import SHELLS
from rooflink.profiling.jobs.codesign_job import CodesignJob
from rooflink.profiling.jobs.compile_job import CompileJob
from rooflink.profiling.jobs.evaluate_job import EvaluateJob
from rooflink.profiling.jobs.explore_job import ExploreJob
from rooflink.profiling.jobs.job import Job
from rooflink.profiling.jobs.levers_job import LeversJob
from rooflink.profiling.jobs.predict_job import PredictJob
from rooflink.profiling.jobs.profile_job import ProfileJob
from rooflink.profiling.jobs.train_job import TrainJob
from rooflink.profiling.jobs.validate_job import CalibrateJob, ValidateJob
from rooflink.profiling.names import folder_name, mesh_axes

JOBS: tuple[type[Job], ...] = (
    ProfileJob, PredictJob, EvaluateJob, TrainJob, CompileJob, CodesignJob, ExploreJob,
    ValidateJob, CalibrateJob, LeversJob,
)  # fmt: skip
VALID: dict[type[Job], dict[str, object]] = {
    PredictJob: {"model": "llama3-8b", "slices": "v5e-8"},
    TrainJob: {"out": "x"},
    CompileJob: {"model": "llama3-8b", "slices": "cpu"},
    CodesignJob: {"profiles": ("run",)},
    CalibrateJob: {"out": "x"},
}
LINES = [line for shell in SHELLS.values() for line in shell.examples.splitlines()
         if line.startswith("rooflink ")]  # fmt: skip
READERS: dict[str, Reader] = {}


@seeded
def options(by: Random, job: type[Job]) -> dict[str, object]:
    """Those that a job needs, and one to three of any value; `bath` is none."""

    def value() -> object:
        several = tuple(any_text(by, 5) for _ in range(by.randint(0, 3)))
        return by.choice((by.choice(ODD_TEXTS), any_integer(by), any_float(by), any_text(by, 12),
                          True, False, None, several))  # fmt: skip

    names = [*job.model_fields, "bath"]
    return VALID.get(job, {}) | {by.choice(names): value() for _ in range(by.randint(1, 3))}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
@given(data=st.data())
def test_a_job_is_made_or_refused(job: type[Job], data: st.DataObject) -> None:
    def make(given: dict[str, object]) -> None:
        job(**given)

    make.__name__ = job.__name__
    assert_reads_or_refuses(make, data.draw(options(job)))


def run_line(arguments: list[str]) -> None:
    """Refused in one sentence. An option that there is not ends it, twice, for the last of the line
    may take one as its value: so nothing ever runs."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["rooflink", *arguments[1:], *2 * ["--no-such-option"]])
        with pytest.raises(SystemExit) as stopped:
            main()
    if stopped.value.code == 0:  # a --help in the middle
        return
    assert stopped.value.code == 2
    assert_one_sentence(err.getvalue().removesuffix("\n").removeprefix("error: "))


@given(mutated_text(LINES).map(str.split))
def test_a_line_is_refused_in_one_sentence(arguments: list[str]) -> None:
    assert_reads_or_refuses(run_line, arguments)


@given(mutated_text(["data=2,tensor=4", "tensor=8", "expert=16, pipeline=2"]))
def test_mesh_axes_are_read_or_refused(text: str) -> None:
    axes = ("data", "tensor", "expert", "pipeline")
    assert_reads_or_refuses(lambda given: mesh_axes(given, axes), text)


@given(st.text() | st.sampled_from(ODD_TEXTS))
def test_a_folders_name_is_one_name(text: str) -> None:
    name = folder_name(text)
    assert Path(name).name == name
    assert name not in ("", ".", "..")
    assert name.isprintable()
