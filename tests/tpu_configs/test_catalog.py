"""Chips by name, and the user's own by path."""

from pathlib import Path

import pytest

from rooflink.tpu_configs import catalog
from rooflink.tpu_configs.catalog import (
    chip_names,
    chip_stem,
    load_all,
    load_chip,
    load_rentable_tpus,
    parse_chip,
)
from rooflink.tpu_configs.chip import Chip
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
    *("v100", "t4", "a100", "a40", "h100", "h200", "h800", "h20", "l4", "l40s"),
    *("b200", "b300", "gb200", "gb300", "rtx-3090", "rtx-4090", "rtx-5090"),
    *("mi210", "mi250x-gcd", "mi300x", "mi325x", "mi350x", "mi355x", "gaudi2", "gaudi3"),
    *("trainium1", "trainium2", "inferentia2", "groq-lpu", "cerebras-wse3", "etched-sohu"),
}
DEVICES = {
    *("jetson-orin", "jetson-orin-nx", "jetson-orin-nano", "jetson-thor", "dgx-spark", "coral"),
    *("apple-m1", "apple-m1-max", "apple-m2", "apple-m2-ultra", "apple-m3-max", "apple-m3-ultra"),
    *("apple-m4", "apple-m4-pro", "apple-m4-max", "apple-m5", "apple-a17-pro", "apple-a18-pro"),
    *("snapdragon-x-elite", "snapdragon-8-gen3", "snapdragon-8-elite", "lunar-lake"),
    *("ryzen-ai-9-hx-370", "ryzen-ai-max-395", "cpu-i9-13900k"),
}


def test_the_chips_that_come_along_tpus_first() -> None:
    names = chip_names()
    assert names[: len(TPUS)] == TPUS
    last = len(TPUS) + len(OTHERS)
    assert (set(names[len(TPUS) : last]), set(names[last:])) == (OTHERS, DEVICES)
    assert [chip.place == "edge" for chip in load_all()] == [name in DEVICES for name in names]
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
        ("orin", "NVIDIA Jetson AGX Orin 64 GB"),
        ("agx-orin", "NVIDIA Jetson AGX Orin 64 GB"),
        ("Jetson AGX Orin 64GB", "NVIDIA Jetson AGX Orin 64 GB"),
        ("Orin Nano Super", "NVIDIA Jetson Orin Nano 8 GB Super"),
        ("thor", "NVIDIA Jetson AGX Thor"),
        ("GB10", "NVIDIA DGX Spark (GB10)"),
        ("edge-tpu", "Google Coral Edge TPU"),
        ("snapdragon-x", "Snapdragon X Elite (Hexagon NPU)"),
        ("ryzen-ai-max", "AMD Ryzen AI Max+ 395 (Radeon 8060S)"),
        ("Ryzen AI Max+ 395", "AMD Ryzen AI Max+ 395 (Radeon 8060S)"),
        ("strix-halo", "AMD Ryzen AI Max+ 395 (Radeon 8060S)"),
        ("Lunar Lake", "Intel Core Ultra 200V (NPU 4)"),
        ("m4-max", "Apple M4 Max (40-core GPU)"),
        ("m4-pro", "Apple M4 Pro (20-core GPU)"),
        ("Gaudi 3", "Intel Gaudi 3"),
        ("4090", "NVIDIA GeForce RTX 4090"),
        ("V100-SXM2-32GB", "NVIDIA V100 32 GB SXM"),
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


def test_of_all_files_only_that_of_the_chip_asked_for_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def parsed(text: str, file: str) -> Chip:
        read.append(file)
        return parse_chip(text, file)

    monkeypatch.setattr(catalog, "parse_chip", parsed)
    catalog._packaged.cache_clear()
    assert chip_stem(load_chip("NVIDIA H100 SXM")) == "h100"
    assert read == ["h100.toml"]
