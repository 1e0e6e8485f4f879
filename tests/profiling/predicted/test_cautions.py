"""What a prediction notes: a context too short, names with two meanings, meshes by point."""

import json
from pathlib import Path

import pytest
from quantised_models import KINDS
from tiny_models import LLAMA, config_json

from rooflink.profiling.errors import Silent
from rooflink.profiling.jobs.predict_job import PredictJob
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice
from rooflink.profiling.reports.sections.prediction_notes import last_of_each, notes
from rooflink.tpu_configs.slice import parse_slice


@pytest.mark.parametrize(
    ("model", "think", "cautioned"),
    [
        ("llama2-7b", 16384, "a context of 4,096 tokens: prompt, thought and answer are 16,960"),
        ("llama2-7b", 4096 - 512 - 64, ""),
        ("llama2-7b", 4096 - 512 - 63, "are 4,097 tokens"),
        ("qwen3-30b-a3b", 40960, "a context of 40,960 tokens"),
    ],
)
def test_a_thought_beyond_the_models_context(model: str, think: int, cautioned: str) -> None:
    lengths = Lengths(1.0, 1.0, 512.0, float(think), 64.0)
    predicted = predict_on_slice(PredictionRequest(named_shape(model), lengths),
                                 parse_slice("v5e:4x8"))  # fmt: skip
    assert bool(predicted.cautions) == bool(cautioned)
    assert cautioned in "".join(predicted.cautions)
    assert notes(predicted)[: len(predicted.cautions)] == predicted.cautions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v5p-8", "v5p-8 counts TensorCores, as Google Cloud's accelerator types do: it is 4 "
         "chips, v5p:2x2x1."),
        ("TPU v4-8", "it is 4 chips, v4:2x2x1."),
        ("v2-8", "it is 4 chips, v2:2x2."),
        ("tpu7x-2", "it is 1 chip, v7x:1x1x1."),
        ("v5p:2x2x2", ""),
        ("v5e-8", ""),
        ("v6e-8", ""),
        ("h100-8", ""),
        ("v5p", ""),
    ],
)  # fmt: skip
def test_a_name_that_counts_tensor_cores(text: str, said: str) -> None:
    caution = parse_slice(text).caution
    assert caution.endswith(said) if said else caution == ""


def test_each_operating_point_has_the_note_of_its_own_mesh() -> None:
    """One user shares all chips, more users take copies; one sentence where all have one mesh."""
    lengths = Lengths(1.0, 1.0, 512.0, 64.0, 64.0)
    asked = PredictionRequest(named_shape("llama3-8b"), lengths)
    made = predict_on_slice(asked, parse_slice("v5e-8"))
    meshes = (("one user", "tensor=8"), ("latency target", "data=8"), ("full batch", "data=8"))
    points = [
        made.model_copy(update={"operating_point": name, "parallelism": mesh,
                                "parallelism_reason": f"{mesh} is fastest"})
        for name, mesh in meshes
    ]  # fmt: skip
    (told,) = last_of_each(points)
    assert told.parallelism == ""
    assert (
        "Mesh: at 'one user' tensor=8 is fastest; at 'latency target' and 'full batch' data=8 is "
        "fastest."
    ) in notes(told)
    (alike,) = last_of_each(points[1:])
    assert alike.parallelism == "data=8"
    assert "Mesh: data=8 is fastest." in notes(alike)


@pytest.mark.parametrize(
    ("model", "dtype", "said"),
    [
        ("deepseek-r1", "bfloat16", "deepseek-r1 is published in fp8: this is a prediction in "
         "bfloat16, --dtype fp8 is of what is published."),
        ("deepseek-r1", "fp8", ""),
        ("llama-3.3-70b", "bfloat16", ""),
    ],
)  # fmt: skip
def test_a_model_that_is_published_narrower_than_it_is_predicted(
    model: str, dtype: str, said: str
) -> None:
    lengths = Lengths(1.0, 1.0, 512.0, 64.0, 64.0)
    asked = PredictionRequest(named_shape(model), lengths, weight_dtype=dtype)
    assert predict_on_slice(asked, parse_slice("h200-16")).cautions == ([said] if said else [])


@pytest.mark.parametrize(
    ("dtype", "weights", "said"),
    [
        (None, "fp8", ": all of it is predicted so, tables too, which files keep wider."),
        ("bf16", "bfloat16", ", and predicted in bfloat16."),
    ],
)
def test_the_width_is_that_of_the_config(
    tmp_path: Path, dtype: str | None, weights: str, said: str
) -> None:
    fields = config_json(LLAMA) | {"quantization_config": KINDS["fp8 blocks"].stated}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    job = PredictJob(model=str(tmp_path), slices=("v5e-1",), batch=1, think=8, dtype=dtype)
    (made,) = job.run(Silent()).thinking
    assert made.weight_dtype == weights
    name = made.model
    assert f"{name} is stored as fp8 in blocks of 48 x 40 (fp8){said}" in made.cautions
