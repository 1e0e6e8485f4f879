"""Chips by name, and the user's own by path."""

from pathlib import Path

import pytest

from rooflink.tpu_configs.catalog import (
    chip_names,
    chip_stem,
    load_all,
    load_chip,
    load_rentable_tpus,
)
from rooflink.tpu_configs.input_errors import ChipInputError

OWN_CHIP = """
name = "Paper chip"
vendor = "us"
kind = "asic"
year = 2027

[peak]
bfloat16 = {value = 1e15, unit = "FLOP/s", source = "a plan", date = "2026-11", confidence = "low"}
float32 = {value = 1e14, unit = "FLOP/s", source = "a plan", date = "2026", confidence = "low"}

[memory]
capacity = {value = 64e9, unit = "B", source = "a plan", date = "2026-11-22", confidence = "low"}
bandwidth = {value = 4e12, unit = "B/s", source = "a plan", date = "2026", confidence = "low"}
"""


TPUS = ["v2", "v3", "v4", "v4i", "v5e", "v5p", "v6e", "v7x", "v8i", "v8t"]
OTHERS = {
    *("a100", "h100", "h200", "h800", "b200", "b300", "gb200", "a40", "l40s"),
    *("mi210", "mi250x-gcd", "mi300x", "mi325x", "mi355x"),
    *("trainium1", "trainium2", "inferentia2", "groq-lpu", "cerebras-wse3", "etched-sohu"),
    *("apple-m2", "apple-m2-ultra", "apple-m3-max", "apple-m4", "apple-m4-max"),
    "cpu-i9-13900k",
}


def test_the_chips_that_come_along_tpus_first() -> None:
    names = chip_names()
    assert names[: len(TPUS)] == TPUS
    assert set(names[len(TPUS) :]) == OTHERS
    assert [chip.kind == "tpu" for chip in load_all()] == [name in TPUS for name in names]


def test_a_profile_is_placed_on_tpus_that_can_be_rented() -> None:
    stems = [chip_stem(chip) for chip in load_rentable_tpus()]
    assert stems == ["v2", "v3", "v4", "v5e", "v5p", "v6e", "v7x"]


def test_the_cpu_at_hand_is_no_file() -> None:
    """It is measured: see tpu_configs.measured."""
    assert "cpu" not in chip_names()
    with pytest.raises(ChipInputError, match="no chip is named 'cpu', try "):
        load_chip("cpu")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("v5e", "TPU v5e"),
        ("V5E", "TPU v5e"),
        ("TPU v5e", "TPU v5e"),
        ("tpu-v5e", "TPU v5e"),
        ("v5litepod", "TPU v5e"),
        ("TPU v5 lite", "TPU v5e"),
        ("TPU v5", "TPU v5p"),
        ("TPU v6 lite", "TPU v6e"),
        ("Trillium", "TPU v6e"),
        ("TPU7x", "TPU v7x"),
        ("Ironwood", "TPU v7x"),
        ("TPU v4", "TPU v4"),
        ("TPU v3", "TPU v3"),
        ("TPU v2", "TPU v2"),
        ("V2", "TPU v2"),
        ("TPU 8i", "TPU v8i"),
        ("A100-80G SXM", "NVIDIA A100 80 GB SXM"),
        ("A100", "NVIDIA A100 80 GB SXM"),
        ("a100_sxm", "NVIDIA A100 80 GB SXM"),
        ("H100 SXM", "NVIDIA H100 SXM"),
        ("h100_sxm", "NVIDIA H100 SXM"),
        ("H200 SXM", "NVIDIA H200 SXM"),
        ("h200_sxm", "NVIDIA H200 SXM"),
        ("H800 SXM", "NVIDIA H800 SXM"),
        ("B200", "NVIDIA B200 SXM"),
        ("b200_sxm", "NVIDIA B200 SXM"),
        ("gb200", "NVIDIA GB200 NVL72"),
        ("MI210", "AMD MI210"),
        ("MI250X-GCD", "AMD MI250X GCD"),
        ("MI300X", "AMD MI300X"),
        ("GroqChip1", "Groq LPU (GroqChip1)"),
        ("WSE-3", "Cerebras WSE-3"),
        ("Inferentia2", "AWS Inferentia2"),
        ("Trainium2", "AWS Trainium2"),
        ("Apple M2 (10-core GPU)", "Apple M2 (10-core GPU)"),
        ("Apple M2 Ultra (76-core GPU)", "Apple M2 Ultra (76-core GPU)"),
        ("Apple M4 (10-core GPU)", "Apple M4 (10-core GPU)"),
        ("CPU i9-13900K", "Intel Core i9-13900K"),
    ],
)
def test_a_name_is_taken_as_people_write_it(asked: str, name: str) -> None:
    assert load_chip(asked).name == name


def test_no_two_chips_share_a_name() -> None:
    """Each name loads its own chip, whatever its case and signs."""
    for stem, chip in zip(chip_names(), load_all(), strict=True):
        for name in (stem, chip.name, *chip.aliases):
            assert load_chip(name) is chip, name
            assert load_chip(name.upper().replace("-", " ")) is chip, name
        assert chip_stem(chip) == stem


@pytest.mark.parametrize(
    ("asked", "near"),
    [("v5x", "v5p"), ("h10", "h100"), ("mi300", "mi300x"), ("trainum2", "trainium2")],
)
def test_an_unknown_name_is_answered_with_near_ones(asked: str, near: str) -> None:
    with pytest.raises(
        ChipInputError, match=rf"^no chip is named '{asked}', try .*{near}.*\.toml$"
    ):
        load_chip(asked)


@pytest.mark.parametrize("asked", ["quantum", "", "tpu"])
def test_a_name_like_no_other_is_answered_with_examples(asked: str) -> None:
    with pytest.raises(ChipInputError, match=r"try v5e, v6e, h100 \(`rooflink chips` lists all\)"):
        load_chip(asked)


@pytest.mark.parametrize("kind", [str, Path])
def test_the_users_own_file_is_read(kind: type[str] | type[Path], tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(OWN_CHIP)
    chip = load_chip(kind(path))
    assert chip.name == "Paper chip"
    assert chip.peak_flops("float32") == (1e14, "float32")
    assert chip.ridge("bfloat16") == 250
    assert chip.memory.capacity.date == "2026-11-22"
    assert chip.links is None


def test_a_missing_file_is_named() -> None:
    with pytest.raises(
        ChipInputError, match=r"^no chip file at mine\.toml, expected a path to one, or a name"
    ):
        load_chip("mine.toml")


def test_a_folder_is_no_chip_file(tmp_path: Path) -> None:
    with pytest.raises(ChipInputError, match="is no regular file"):
        load_chip(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChipInputError, match=r"noise\.toml is not UTF-8 text .*: save it as UTF-8"):
        load_chip(path)
