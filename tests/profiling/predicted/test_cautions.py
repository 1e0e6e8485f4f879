"""What a prediction cautions: a context too short, and names with two meanings."""

import pytest

from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice
from rooflink.profiling.reports.sections.prediction_document import notes
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
        ("v5p-8", "v5p-8 is 8 chips here; Google's accelerator type of that name counts cores and "
         "is 4 chips, v5p:2x2x1 here."),
        ("TPU v4-8", "is 4 chips, v4:2x2x1 here."),
        ("v2-8", "is 4 chips, v2:2x2 here."),
        ("tpu7x-8", "is 4 chips, v7x:2x2x1 here."),
        ("v5p:2x2x2", ""),
        ("v5e-8", ""),
        ("v6e-8", ""),
        ("h100-8", ""),
        ("v5p", ""),
    ],
)  # fmt: skip
def test_a_name_that_google_sells_for_fewer_chips(text: str, said: str) -> None:
    caution = parse_slice(text).caution
    assert caution.endswith(said) if said else caution == ""
