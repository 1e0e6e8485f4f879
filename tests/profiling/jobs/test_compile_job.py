"""What a compile report says beside the programs is of the slices that they were compiled for."""

from pathlib import Path

import pytest
from real_records import compiled_for

from rooflink.profiling.jobs.compile_job import Compilations, CompileJob


@pytest.mark.parametrize(("model", "slices"), [("llama3-8b", ["v5e:2x4"]), ("llama3-70b", [])])
def test_predictions_are_of_the_slices_compiled_for(model: str, slices: list[str]) -> None:
    """And where one does not hold the workload, of none but its chip's own."""
    job = CompileJob(model=model, slices=("v5e:2x4",), context=1024, out=Path("unwritten"))
    made = Compilations(job, "python", job.specs(), [compiled_for("v5e:2x4")], [])
    profile = made.profile
    assert profile.asked_slices == slices
    assert [each.slice for each in profile.predictions[:1]] == (slices or ["v5e:4x4"])
    assert {each.chip for each in profile.predictions} == {"TPU v5e"}
    assert [each.target for each in profile.compiled] == ["v5e:2x4"]


@pytest.mark.parametrize(
    ("on", "mesh", "predicted"),
    [
        ("v5e:2x4", "data=2,tensor=4", "tensor=4,data=2"),
        ("v5e:2x4", None, "tensor=8"),
        ("v7x:1x1x1", "tensor=2", ""),  # two devices of one chip
        ("v7x:2x2x1", "data=2,tensor=4", "tensor=2,data=2"),
    ],
)
def test_predictions_have_the_mesh_compiled_for(on: str, mesh: str | None, predicted: str) -> None:
    job = CompileJob(model="llama3-8b", slices=(on,), batch=2, context=1024, mesh=mesh)
    profile = Compilations(job, "python", job.specs(), [], []).profile
    assert (profile.predictions[0].slice, profile.predictions[0].parallelism) == (on, predicted)
