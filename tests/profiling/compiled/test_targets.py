"""Names of targets: what each stands for, and what is said of one that does not exist."""

import importlib.util

import pytest

from rooflink.profiling.compiled.targets import FAMILIES, parse_target, require_compiler
from rooflink.profiling.errors import ProfileInputError
from rooflink.tpu_configs.catalog import chip_names, load_chip


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
        ("tpu7x:2x2x1", "tpu7x:2x2x1", "v7x", 4, 8),
        ("v7x:2x2x1", "tpu7x:2x2x1", "v7x", 4, 8),
        ("v5e:1x1", "v5e:1x1", "v5e", 1, 1),
    ],
)
def test_names(text: str, name: str, chip: str | None, chips: int, devices: int) -> None:
    target = parse_target(text)
    assert (target.name, target.chip, target.chips, target.devices) == (name, chip, chips, devices)


def test_families_agree_with_the_chip_files() -> None:
    """Devices a chip and the largest slice, where the catalog has the chip."""
    known = [family for family in FAMILIES.values() if family.chip in chip_names()]
    assert len(known) >= 5
    for family in known:
        chip = load_chip(family.chip)
        assert chip.cores is not None
        assert chip.links is not None
        assert family.devices_per_chip == chip.cores.jax_devices_per_chip.value
        generation = next(name for name, other in FAMILIES.items() if other is family)
        largest = max(parse_target(f"{generation}:{sides}").chips for sides in family.slices)
        assert largest <= chip.links.largest_slice.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v5e:3x5", "v5e has no slice '3x5': try v5e:4x4, v5e:2x4"),
        ("v5e:4x2", "try v5e:2x4"),
        ("v5e", "v5e has no slice '': try v5e:1x1, v5e:2x2"),
        ("v5p:2x2", "try v5p:2x2x1"),
        ("v5e:0x2", "v5e has no slice"),
        ("v9z:2x2", "no target is called 'v9z:2x2': try cpu, "),
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
