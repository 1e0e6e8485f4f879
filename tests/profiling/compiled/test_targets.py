"""Names of targets: what each stands for, and what is said of one that does not exist."""

import importlib.util

import pytest

from rooflink.profiling.compiled.spec import compiled_generations, parse_target, require_compiler
from rooflink.profiling.errors import ProfileInputError
from rooflink.tpu_configs.catalog import chip_stem, load_all


@pytest.mark.parametrize(
    ("text", "name", "chip", "chips", "devices"),
    [
        ("cpu", "cpu", None, 1, 1),
        ("v5e:2x4", "v5e:2x4", "v5e", 8, 8),
        (" V6E:16x16 ", "v6e:16x16", "v6e", 256, 256),
        ("v5p:4x4x4", "v5p:4x4x4", "v5p", 64, 64),
        ("v4:2x2x1", "v4:2x2x1", "v4", 4, 8),
        ("v2:2x2", "v2:2x2", "v2", 4, 8),
        ("v3:32x32", "v3:32x32", "v3", 1024, 2048),
        ("tpu7x:2x2x1", "v7x:2x2x1", "v7x", 4, 8),
        ("v7x:2x2x1", "v7x:2x2x1", "v7x", 4, 8),
        ("tpu7x-8", "v7x:2x2x1", "v7x", 4, 8),
        ("v5e:4x2", "v5e:2x4", "v5e", 8, 8),
        ("v5e", "v5e:1x1", "v5e", 1, 1),
        ("v5e:1x1", "v5e:1x1", "v5e", 1, 1),
    ],
)
def test_names(text: str, name: str, chip: str | None, chips: int, devices: int) -> None:
    target = parse_target(text)
    assert (target.name, target.chip, target.chips, target.devices) == (name, chip, chips, devices)


@pytest.mark.parametrize(
    ("text", "topology"),
    [("cpu", "cpu"), ("v5e-8", "v5e:2x4"), ("v7x:2x2x1", "tpu7x:2x2x1"), ("v4:4x4x4", "v4:4x4x4")],
)
def test_what_libtpu_calls_it(text: str, topology: str) -> None:
    assert parse_target(text).topology == topology


def test_every_tpu_whose_devices_are_published_can_be_compiled_for() -> None:
    shown = [
        chip for chip in load_all()
        if chip.kind == "tpu" and chip.cores and chip.cores.jax_devices_per_chip and chip.links
    ]  # fmt: skip
    assert {chip_stem(chip) for chip in shown} == set(compiled_generations())
    assert len(shown) >= 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v5e:3x5", "TPU v5e has no slice '3x5' (grids of up to 16x16 exist): try v5e:4x4"),
        ("v5p:2x2", "try v5p:2x2x1"),
        ("v5e:0x2", "v5e has no slice"),
        ("v9z:2x2", "no target is called 'v9z:2x2': no chip is named 'v9z', try "),
        ("h100-8", "the TPU compiler does not know NVIDIA H100 SXM: try cpu, or a slice of v2, v3"),
        ("v8t", "the TPU compiler does not know TPU v8t"),
        ("", "no target is called ''"),
    ],
)
def test_near_names(text: str, said: str) -> None:
    with pytest.raises(ProfileInputError) as error:
        parse_target(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_compiler_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    require_compiler(parse_target("cpu"))
    with pytest.raises(ProfileInputError, match=r"pip install 'rooflink\[tpu\]'"):
        require_compiler(parse_target("v5e:2x4"))
