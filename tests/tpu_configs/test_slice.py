"""Slices by name: which exist, their axes, and what is said of those that do not."""

from importlib.resources import files
from pathlib import Path

import pytest

from rooflink.tpu_configs.catalog import load_all, load_chip
from rooflink.tpu_configs.input_errors import ChipInputError
from rooflink.tpu_configs.slice import compared_slices, parse_slice, shape_of_sides

OWN_TORUS = """
name = "Own torus"
vendor = "us"
kind = "asic"
year = 2027

[peak]
bfloat16 = {value = 1e15, unit = "FLOP/s", source = "a plan", date = "2026", confidence = "low"}

[memory]
capacity = {value = 64e9, unit = "B", source = "a plan", date = "2026", confidence = "low"}
bandwidth = {value = 4e12, unit = "B/s", source = "a plan", date = "2026", confidence = "low"}

[links]
per_link_bandwidth = {value = 1e11, unit = "B/s", source = "a plan", date = "2026", confidence = "low"}
count = {value = 4, unit = "1", source = "a plan", date = "2026", confidence = "low"}
largest_slice = {value = 12, unit = "1", source = "a plan", date = "2026", confidence = "low"}

[links.topology]
kind = "torus"
pod = [3, 4]
wrap_side = 4
wrap_rule = "each"
value = "a torus"
source = "a plan"
date = "2026"
confidence = "low"
"""  # noqa: E501


@pytest.mark.parametrize(
    ("text", "name", "shape"),
    [
        ("v5e-8", "v5e:2x4", (2, 4)),
        ("v5e:2x4", "v5e:2x4", (2, 4)),
        ("V5E:4x2", "v5e:2x4", (2, 4)),
        ("TPU v5e-256", "v5e:16x16", (16, 16)),
        ("v5litepod-16", "v5e:4x4", (4, 4)),
        ("v6e", "v6e:1x1", (1, 1)),
        ("v6e-128", "v6e:8x16", (8, 16)),
        ("v2-8", "v2:2x2", (2, 2)),
        ("v3-1024", "v3:16x32", (16, 32)),
        ("v4-128", "v4:4x4x4", (4, 4, 4)),
        ("v5p:2x2x1", "v5p:2x2x1", (2, 2, 1)),
        ("v5p:1x2x2", "v5p:2x2x1", (2, 2, 1)),
        ("v5p-8", "v5p:2x2x1", (2, 2, 1)),
        ("v5p:8", "v5p:2x2x2", (2, 2, 2)),
        ("v3-8", "v3:2x2", (2, 2)),
        ("v4-8", "v4:2x2x1", (2, 2, 1)),
        ("v5litepod-8", "v5e:2x4", (2, 4)),
        ("v6e-8", "v6e:2x4", (2, 4)),
        ("tpu7x-8", "v7x:2x2x1", (2, 2, 1)),
        ("v7x-8", "v7x:2x2x1", (2, 2, 1)),
        ("v5p-256", "v5p:4x4x8", (4, 4, 8)),
        ("v5p-512", "v5p:4x8x8", (4, 8, 8)),
        ("tpu7x:2x2x1", "v7x:2x2x1", (2, 2, 1)),
        ("TPU7x-18432", "v7x:16x24x24", (16, 24, 24)),
        ("a100", "a100:1", (1,)),
        ("h100-8", "h100:8", (8,)),
        ("H100 SXM-8", "h100:8", (8,)),
        ("h100-24", "h100:3x8", (3, 8)),
        ("h100:2x8", "h100:2x8", (2, 8)),
        ("h100:16x8", "h100:16x8", (16, 8)),
        ("gb200-72", "gb200:72", (72,)),
        ("gb200-144", "gb200:2x72", (2, 72)),
        ("trainium2-16", "trainium2:1x4x4", (1, 4, 4)),
        ("inferentia2-12", "inferentia2:12", (12,)),
        ("GroqChip1-576", "groq-lpu:576", (576,)),
        ("WSE-3", "cerebras-wse3:1", (1,)),
        ("WSE-3-4", "cerebras-wse3:4", (4,)),
    ],
)
def test_a_slice_by_name(text: str, name: str, shape: tuple[int, ...]) -> None:
    found = parse_slice(text)
    assert (found.name, found.shape) == (name, shape)
    assert parse_slice(found.name) == found


@pytest.mark.parametrize(
    ("text", "wraps"),
    [
        ("v5e:2x4", (False, False)),
        ("v5e:8x16", (False, True)),  # the JAX scaling book, tpus.md: the longer axis has one
        ("v6e:16x16", (True, True)),
        ("v3:16x32", (False, True)),
        ("v5p:2x2x4", (False, False, False)),  # the same: none below a cube
        ("v4:4x4x4", (True, True, True)),
        ("v5p:4x4x8", (True, True, True)),
        ("h100-8", (False,)),
        ("trainium2-16", (False, True, True)),
        ("inferentia2-12", (True,)),
        ("inferentia2-6", (False,)),
    ],
)
def test_axes_close_as_the_chip_has_it(text: str, wraps: tuple[bool, ...]) -> None:
    assert parse_slice(text).wraps == wraps


@pytest.mark.parametrize(
    ("text", "crosses"),
    [
        ("h100-8", (False,)),
        ("h100-16", (True, False)),
        ("v5e:16x16", (False, False)),
        ("WSE-3", (False,)),
        ("WSE-3-4", (True,)),
    ],
)
def test_what_crosses_the_network(text: str, crosses: tuple[bool, ...]) -> None:
    assert parse_slice(text).over_network == crosses


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("v5e:16x16", 32),  # the JAX scaling book, tpus.md, question 2
        ("v5p:16x20x28", 2240),
        ("v5e", 1),
        ("h100-24", 3),
        ("gb200-72", 18),
        ("apple-m4", None),
    ],
)
def test_hosts(text: str, hosts: int | None) -> None:
    assert parse_slice(text).hosts == hosts


def test_chips_are_the_product_of_the_sides() -> None:
    assert parse_slice("v5p:16x20x28").chips == 8960
    assert parse_slice("h100-24").chips == 24


FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
SMALL_CUBES = ("1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4")


@pytest.mark.parametrize(
    ("generation", "known"),
    [
        ("v2", FLAT),
        ("v3", (*FLAT, "16x32", "32x32")),
        ("v4", (*SMALL_CUBES, "4x4x4", "4x4x8", "4x8x8", "8x8x8", "4x4x16", "16x16x16")),
        ("v5e", FLAT),
        ("v5p", (*SMALL_CUBES, "4x4x4", "4x4x8", "4x8x8", "8x8x8", "4x4x28", "16x20x28")),
        ("v6e", FLAT),
        ("v7x", (*SMALL_CUBES, "4x4x4", "4x4x8", "4x8x8", "8x8x8", "4x4x24", "16x24x24")),
    ],
)
def test_a_tpus_slices_are_those_that_libtpu_has(generation: str, known: tuple[str, ...]) -> None:
    """Topologies that libtpu 0.0.52 accepts, all in a plane and some of the cubes."""
    for sides in known:
        assert parse_slice(f"{generation}:{sides}").name == f"{generation}:{sides}"
    chip = load_chip(generation)
    for a in range(1, 9):
        for b in range(a, 9):
            assert (shape_of_sides(chip, (a, b)) is not None) == (f"{a}x{b}" in known), (a, b)
            cube = tuple(sorted((a, b, 4)))
            named = "x".join(map(str, cube))
            assert (shape_of_sides(chip, cube) is not None) == (named in known), cube


def test_a_new_generation_is_one_file(tmp_path: Path) -> None:
    """Its slices, what libtpu calls them and its devices follow from the chip file alone."""
    text = files("rooflink.tpu_configs").joinpath("v7x.toml").read_text("utf-8")
    path = tmp_path / "v9x.toml"
    path.write_text(text.replace('"TPU v7x"', '"TPU v9x"').replace('"tpu7x"', '"tpu9x"'))
    found = parse_slice(f"{path}:2x4x4")
    assert (found.shape, found.topology_name) == ((2, 4, 4), "tpu9x:2x4x4")
    assert found.chip.jax_devices * found.chips == 64
    assert parse_slice("h100-8").topology_name is None


def test_chips_are_compared_on_slices_of_their_own() -> None:
    """The chip files say which: no list elsewhere has to be kept."""
    assert compared_slices() == ("v5e:4x4", "v5p:2x2x2", "v6e:2x4", "v7x:2x2x1", "h100:8")
    assert [parse_slice(name).chips for name in compared_slices()] == [16, 8, 8, 4, 8]
    assert not any(parse_slice(name).caution for name in compared_slices())


@pytest.mark.parametrize("chip", load_all(), ids=lambda chip: chip.name)
def test_one_of_every_chip_is_a_slice(chip) -> None:
    alone = parse_slice(chip.name)
    assert (alone.chip, alone.chips) == (chip, 1)
    assert not any(alone.over_network)
    assert not any(alone.wraps)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "v5e-3",
            r"TPU v5e has no slice '3' \(grids of up to 16x16 exist\): try v5e:2x2, v5e:2x4",
        ),
        ("v5e:3x5", "no slice '3x5' .*: try v5e:4x4, v5e:2x4"),
        ("v5e:2x2x1", "no slice '2x2x1'"),
        ("v5e:512", "no slice '512' .*: try v5e:16x16"),
        ("v5p:2x8", "no slice '2x8' .*v5p:2x2x4"),
        ("v4-24", r"no slice '24', 12 chips, .*: try v4:2x2x4, v4:2x2x2"),
        ("v5p-3000000", "is 1,500,000 chips, more than any cluster has"),
        ("v5p-3", "would be 3 TensorCores, of which a TPU v5p has 2: v5p:3 is 3 chips"),
        ("v5p-1", "v5p:1 is 1 chip$"),
        ("v4:0x2", "no slice '0x2'"),
        ("v5e:", "no slice ''"),
        ("v5e:two", "no slice 'two'"),
        ("v5e:-2", "no slice '-2'"),
        ("v8t-4", r"no slice '4' \(no links between them are known\): try v8t:1$"),
        (
            "h100-12",
            r"no slice '12' \(up to 8 exist, then multiples of 8 over the network\): try h100:2x8",
        ),
        ("h100-0", "no slice '0'"),
        ("h100-99999999999999", "is 99,999,999,999,999 chips, more than any cluster has"),
        (f"h100-{'9' * 5000}", "no slice '999"),
        (f"v5e:{'2x' * 3000}2", "no slice '2x2x"),
        ("mi210-2", "no slice '2'"),
        ("l40s-9", r"no slice '9' \(up to 8 exist\): try l40s:8"),
        ("h1000-8", "no chip is named 'h1000', try h100"),
        ("v5e-٨", "no chip is named 'v5e-٨'"),
        ("v5e:٢x٢", "no slice '٢x٢'"),
        ("v9:2x2", "no chip is named 'v9', try "),
        ("", "no chip is named ''"),
        ("nosuch.toml:4", "no chip file at nosuch.toml"),
    ],
)
def test_a_slice_that_does_not_exist_names_near_ones(text: str, said: str) -> None:
    with pytest.raises(ChipInputError, match=said):
        parse_slice(text)


def test_the_users_own_torus(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN_TORUS)
    assert parse_slice(str(path)).shape == (1, 1)
    assert parse_slice(f"{path}:4").shape == (1, 4)  # its axis closes, that of 2x2 does not
    assert parse_slice(f"{path}:6").shape == (2, 3)
    whole = parse_slice(f"{path}:4x3")
    assert (whole.shape, whole.wraps, whole.name) == ((3, 4), (False, True), "Own torus:3x4")
    with pytest.raises(ChipInputError, match=r"Own torus has no slice '5' \(grids of up to 3x4"):
        parse_slice(f"{path}:5")


def test_a_pod_longer_than_any_is_refused_and_long_ones_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    long = OWN_TORUS.replace("[3, 4]", "[2, 65536]").replace("value = 12,", "value = 131072,")
    path.write_text(long)
    assert parse_slice(f"{path}:2x65536").chips == 131072
    path.write_text(long.replace("65536", "65537").replace("131072", "131074"))
    with pytest.raises(ChipInputError, match="links joins 131074 chips, expected 131072 at most"):
        parse_slice(str(path))
