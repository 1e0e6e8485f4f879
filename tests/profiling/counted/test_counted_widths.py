"""Bytes of models whose matrices and cache are in few bits, by hand; and that what is predicted of
a run is of the widths that it had."""

from dataclasses import replace

import numpy as np
import pytest

from rooflink.model.architecture import dtype_bytes, shape_of
from rooflink.model.config import ModelInputError, preset
from rooflink.model.styles import Widths
from rooflink.model.tasks import Problem
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.model_spec import in_widths, resolve_subject
from rooflink.profiling.profiler import profile
from rooflink.profiling.workload import Request
from rooflink.tpu_configs.slice import parse_slice

LLAMA = preset("llama3-8b")
LAYER = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336  # q, o; k, v; gate, up, down
COLUMNS = 4096 + 2 * 1024 + 4096 + 2 * 14336 + 4096
NORMS = 2 * (32 * 2 * 4096 + 4096)  # in bfloat16
VALUES = 32 * LAYER + 4096 * 128256  # and the head


def test_int8_weights_and_cache_by_hand() -> None:
    """A byte for each value, two for each column's scale; a byte for each of 128 of a head, and
    two for its scale. The embedding's row of a token stays bfloat16."""
    unit = unit_costs(replace(LLAMA, widths=Widths("int8", kv="int8")), "bfloat16")
    assert unit.pass_weight_bytes == VALUES + 2 * (32 * COLUMNS + 128256) + NORMS
    assert unit.token_weight_bytes == 4096 * 2
    assert unit.kv_bytes == 2 * 32 * 8 * (128 + 2)


def test_int4_weights_by_hand() -> None:
    """Half a byte for each value, and two for each 128 of them."""
    unit = unit_costs(replace(LLAMA, widths=Widths("int4", 128)), "bfloat16")
    assert unit.pass_weight_bytes == VALUES // 2 + VALUES // 128 * 2 + NORMS
    assert unit.kv_bytes == 2 * 32 * 8 * 128 * 2


def test_experts_that_a_pass_needs_are_read_in_few_bits() -> None:
    """Mixtral: 8 experts of 3 x 4096 x 14336 in each of 32 layers; one token visits 2."""
    unit = unit_costs(replace(preset("mixtral-8x7b"), widths=Widths("fp8")), "bfloat16")
    values, columns = 3 * 4096 * 14336, 2 * 14336 + 4096
    assert unit.expert_weight_bytes == 32 * 8 * (values + 2 * columns)
    (one,) = unit.weight_bytes(np.array([1]))
    assert one - unit.pass_weight_bytes == pytest.approx(unit.expert_weight_bytes / 4)


def test_flops_are_those_of_the_plain_model() -> None:
    plain = unit_costs(LLAMA, "bfloat16")
    for widths in (Widths("int8", kv="int8"), Widths("int4", 64), Widths("fp8", kv="fp8")):
        unit = unit_costs(replace(LLAMA, widths=widths), "bfloat16")
        assert (unit.token, unit.pair, unit.head) == (plain.token, plain.pair, plain.head)


@pytest.mark.parametrize("width", ["int8", "fp8"])
def test_a_run_and_the_lever_move_the_same_weights(width: str) -> None:
    """`weight_dtype=int8` of a what-if counts a byte for every parameter that a pass reads; a run
    has scales too, and norms in bfloat16: 0.06 % more where the head is a matrix of its own."""
    shape = shape_of(LLAMA)
    lever = (shape.parameters - shape.embedding_parameters) * dtype_bytes(width)
    run = unit_costs(replace(LLAMA, widths=Widths(width)), "bfloat16").pass_weight_bytes
    assert run == pytest.approx(lever, rel=1e-3)


def test_the_record_and_its_predictions_have_the_widths() -> None:
    asked = Widths("int4", kv="int8")
    subject = resolve_subject("llama3-8b", "none", "bfloat16", asked)
    request = Request([Problem("")], attempts=2, think_budget=8, answer_budget=2, prompt_tokens=4)
    made = profile(subject, request, [], slices=[parse_slice("v5e-8")])
    assert made.model.dtype_words == "bfloat16, weights int4 in groups of 128, KV int8"
    assert made.model.weight_bytes == subject.config.weight_bytes("bfloat16")
    (predicted,) = made.predictions
    assert (predicted.weight_dtype, predicted.kv_dtype) == ("int4", "int8")
    assert predicted.matmul_dtype == "bfloat16"
    think = next(phase for phase in made.phases if phase.name == "think")
    unit = unit_costs(subject.config, "bfloat16")

    read = think.steps * (unit.pass_weight_bytes + 2 * unit.token_weight_bytes)
    assert think.counted.hbm_bytes.weights == read


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Widths("int8", 32), "--weight-group is of int4"),
        (Widths(None, 32), "--weight-group is of int4"),
        (Widths("int4", 48), "groups of 48 rows do not divide"),
        (Widths("int4", 128), "do not divide the 576 rows of blocks.query in smollm2-135m: "
         "--weight-group is one of 64, 32, 16"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be(asked: Widths, said: str) -> None:
    with pytest.raises(ModelInputError, match=said):
        in_widths(preset("smollm2-135m"), asked)
