"""What follows from a model's sizes: by hand, and the same for every lens that reads it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rooflink.model.architecture import DTYPE_BITS, Architecture, ModelShape, dtype_bytes, shape_of
from rooflink.model.config import PRESETS, ModelConfig, ModelInputError, preset
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.predicted.model_shape import model_facts, shape_of_facts
from rooflink.profiling.predicted.step.attention_work import capacity
from rooflink.profiling.predicted.step.collectives import ONE_CHIP
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.work import Widths, decode_load

ROOT = Path(__file__).parents[2]
BF16 = Widths(2.0, 2.0, 2.0)
MIXED = Architecture(
    layers=4, embed_dim=8, query_heads=4, kv_heads=2, head_dim=2, mlp_dim=16, vocab_size=100,
    experts=8, active_experts=2, shared_mlp_dim=4, dense_layers=1, dense_mlp_dim=32,
)  # fmt: skip


def test_parameters_of_a_mixture_by_hand() -> None:
    """Three layers of 8 experts of which 2 are active and one shared, and a router; a dense one."""
    attention = 8 * 2 * (2 * 4 + 2 * 2)
    one_expert = 3 * 8 * 16
    every = 4 * attention + 3 * (3 * 8 * 4 + 8 * 8) + 3 * 8 * 32 + 2 * 100 * 8
    assert MIXED.parameters == every + 3 * 8 * one_expert
    assert MIXED.active_parameters == every + 3 * 2 * one_expert
    assert MIXED.weight_bytes("int4") == MIXED.parameters / 2
    assert MIXED.kv_bytes_per_token("bfloat16") == 2 * 4 * 2 * 2 * 2


def test_activations_of_a_mixture_are_of_the_experts_a_token_visits() -> None:
    """A layer: 4 D, 4 heads, 3 F for each of 2 experts in 3 of 4 layers; D for the lookup."""
    assert shape_of(MIXED).token_activation_elements() == 4 * (32 + 32 + 3 * 2 * 16 * 3 / 4) + 8
    split = shape_of(MIXED).token_activation_elements(shards=2)
    assert split == 4 * (32 + 16 + 3 * 2 * 16 * 3 / 4 / 2) + 8


def test_what_is_not_gated_has_two_matrices() -> None:
    plain = replace(MIXED, experts=1, active_experts=1, shared_mlp_dim=0, dense_layers=0)
    assert plain.parameters - replace(plain, gated=False).parameters == 4 * 8 * 16


@pytest.mark.parametrize("size", [{"experts": 8}, {"index_dim": 512}, {"linear_layers": 24}])
def test_a_config_refuses_what_is_never_run(size: dict[str, object]) -> None:
    with pytest.raises(ModelInputError, match=f"{next(iter(size))} .*rooflink does not run"):
        replace(preset("llama3-8b"), **size)  # type: ignore[arg-type]


BIASED = replace(
    preset("qwen3-0.6b"), name="another", family="qwen2", qkv_bias=True, tied_embeddings=False
)


@pytest.mark.parametrize("config", [*PRESETS.values(), BIASED], ids=lambda config: config.name)
def test_a_record_gives_back_the_shape_it_was_written_from(config: ModelConfig) -> None:
    facts = model_facts(config, "bfloat16", "none")
    assert shape_of_facts(facts) == shape_of(config)
    assert facts.parameters == config.parameters


def test_widths_are_bits_over_eight() -> None:
    assert (dtype_bytes("float32"), dtype_bytes("int4"), dtype_bytes("fp8")) == (4.0, 0.5, 1.0)


def weights(shape: ModelShape) -> float:
    return capacity(shape, BF16, ONE_CHIP, 1e12, 1.0, 1.0).weight_bytes


def kv(shape: ModelShape) -> float:
    return capacity(shape, BF16, ONE_CHIP, 1e12, 1.0, 1.0).kv_bytes_per_sequence


def activations(shape: ModelShape) -> float:
    return step_work(shape, decode_load(1.0, 0.0), BF16, Spread()).activation_bytes


@pytest.mark.parametrize("name", ["llama3-8b", "smollm2-135m", "qwen3-8b"])
def test_counting_and_prediction_agree_to_the_byte(name: str) -> None:
    unit, shape = unit_costs(preset(name), "bfloat16"), shape_of(preset(name))
    assert weights(shape) == preset(name).weight_bytes("bfloat16")
    assert unit.pass_weight_bytes == weights(shape) - 2 * shape.embedding_parameters
    assert unit.kv_bytes == kv(shape)
    assert unit.token_activation_bytes + unit.head_activation_bytes == activations(shape)


@pytest.mark.parametrize(
    ("formula", "counted", "predicted"),
    [
        ("kv_elements_per_token", "kv_bytes", kv),
        ("token_activation_elements", "token_activation_bytes", activations),
        ("head_activation_bytes", "head_activation_bytes", activations),
    ],
)
def test_one_formula_serves_counting_and_prediction(
    monkeypatch: pytest.MonkeyPatch,
    formula: str,
    counted: str,
    predicted: Callable[[ModelShape], float],
) -> None:
    """Doubled where it is defined, it is doubled in both."""
    config, shape = preset("llama3-8b"), shape_of(preset("llama3-8b"))
    before = getattr(unit_costs.__wrapped__(config, "bfloat16"), counted), predicted(shape)
    own = getattr(ModelShape, formula)
    doubled: object
    if isinstance(own, property):
        doubled = property(lambda shape: 2 * own.fget(shape))  # type: ignore[misc]
    else:
        doubled = lambda shape, *sizes: 2 * own(shape, *sizes)  # noqa: E731
    monkeypatch.setattr(ModelShape, formula, doubled)
    after = getattr(unit_costs.__wrapped__(config, "bfloat16"), counted), predicted(shape)
    assert after[0] == 2 * before[0]
    assert after[1] - before[1] == after[0] - before[0]


def assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), node.value


def test_widths_and_logits_are_tabled_once() -> None:
    """A second table of numbers by dtype, or a second LOGIT_BYTES, would drift from the first."""
    tables, logits = [], []
    for package in ("model", "profiling", "tpu_configs"):
        for path in (ROOT / package).rglob("*.py"):
            for name, value in assigned(ast.parse(path.read_text())):
                if name == "LOGIT_BYTES":
                    logits.append(path.name)
                keys = value.keys if isinstance(value, ast.Dict) else []
                names = {key.value for key in keys if isinstance(key, ast.Constant)}
                numbers = [
                    each for each in (value.values if isinstance(value, ast.Dict) else [])
                    if isinstance(each, ast.Constant) and isinstance(each.value, int | float)
                ]  # fmt: skip
                if numbers and names & set(DTYPE_BITS):
                    tables.append(path.name)
    assert tables == logits == ["architecture.py"]
