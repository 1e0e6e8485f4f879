"""Chips by name, and the user's own by path."""

from pathlib import Path

import pytest

from rooflink.tpu_configs.catalog import chip_names, load_all, load_chip
from rooflink.tpu_configs.errors import ChipInputError

OWN_CHIP = """
name = "Paper chip"
vendor = "us"
year = 2027

[peak]
bfloat16 = {value = 1e15, unit = "FLOP/s", source = "a plan", date = "2026-11", confidence = "low"}
float32 = {value = 1e14, unit = "FLOP/s", source = "a plan", date = "2026", confidence = "low"}

[hbm]
capacity = {value = 64e9, unit = "B", source = "a plan", date = "2026-11-22", confidence = "low"}
bandwidth = {value = 4e12, unit = "B/s", source = "a plan", date = "2026", confidence = "low"}
"""


def test_the_chips_that_come_along() -> None:
    assert chip_names() == ["v2", "v3", "v4", "v5e", "v5p", "v6e", "v7x"]
    assert [chip.name for chip in load_all()] == [
        "TPU v2",
        "TPU v3",
        "TPU v4",
        "TPU v5e",
        "TPU v5p",
        "TPU v6e",
        "TPU v7x",
    ]


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
    ],
)
def test_a_name_is_taken_as_people_write_it(asked: str, name: str) -> None:
    assert load_chip(asked).name == name


def test_no_two_chips_share_a_name() -> None:
    names = [name.lower() for chip in load_all() for name in (chip.name, *chip.aliases)]
    names += chip_names()
    assert len(names) == len(set(names))


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ChipInputError, match=r"^no chip is named 'v5x', try v5, .*v5p.*\.toml$"):
        load_chip("v5x")


@pytest.mark.parametrize("asked", ["h100", "", "tpu"])
def test_a_name_like_no_other_is_answered_with_all(asked: str) -> None:
    with pytest.raises(ChipInputError, match="try v2, v3, v4, v5e, v5p, v6e, v7x, or the path"):
        load_chip(asked)


@pytest.mark.parametrize("kind", [str, Path])
def test_the_users_own_file_is_read(kind: type[str] | type[Path], tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(OWN_CHIP)
    chip = load_chip(kind(path))
    assert chip.name == "Paper chip"
    assert chip.peak_flops("float32") == (1e14, "float32")
    assert chip.ridge("bfloat16") == 250
    assert chip.hbm.capacity.date == "2026-11-22"
    assert chip.links is None


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ChipInputError, match=r"^no chip file at mine\.toml, expected a path"):
        load_chip("mine.toml")


def test_a_folder_is_no_chip_file(tmp_path: Path) -> None:
    with pytest.raises(ChipInputError, match="is not a readable chip file"):
        load_chip(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChipInputError, match=r"noise\.toml is not a readable chip file"):
        load_chip(path)
