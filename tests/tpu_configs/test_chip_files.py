"""The figures that come with rooflink: those published, and each with where it comes from."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel

from rooflink.tpu_configs.catalog import chip_names, load_all, load_chip
from rooflink.tpu_configs.chip import Chip
from rooflink.tpu_configs.figure import Figure, Statement

EVERY_CHIP = pytest.mark.parametrize("chip", load_all(), ids=chip_names())

# chip, key, value in base units: read by hand from the published tables
PUBLISHED = [
    ("v2", "peak.bfloat16", 46e12),
    ("v2", "hbm.capacity", 16e9),
    ("v2", "hbm.bandwidth", 716e9),
    ("v2", "cores.per_chip", 2),
    ("v2", "cores.jax_devices_per_chip", 2),
    ("v2", "matrix_unit.tile", 128),
    ("v2", "matrix_unit.count", 2),
    ("v2", "on_chip_memory.vmem", 2 * 16 * 2**20),
    ("v2", "links.per_link_bandwidth", 62e9),
    ("v2", "links.count", 4),
    ("v2", "links.largest_slice", 16 * 16),
    ("v2", "power.maximum", 280),
    ("v2", "price.on_demand", 4.5 / 4),
    ("v3", "peak.bfloat16", 123e12),
    ("v3", "hbm.capacity", 34.4e9),
    ("v3", "hbm.bandwidth", 900e9),
    ("v3", "cores.per_chip", 2),
    ("v3", "cores.jax_devices_per_chip", 2),
    ("v3", "matrix_unit.tile", 128),
    ("v3", "matrix_unit.count", 4),
    ("v3", "on_chip_memory.vmem", 2 * 16 * 2**20),
    ("v3", "links.per_link_bandwidth", 100e9),
    ("v3", "links.count", 4),
    ("v3", "links.largest_slice", 32 * 32),
    ("v3", "power.minimum", 123),
    ("v3", "power.mean", 220),
    ("v3", "power.maximum", 262),
    ("v3", "price.on_demand", 8.0 / 4),
    ("v4", "peak.bfloat16", 275e12),
    ("v4", "peak.int8", 275e12),
    ("v4", "hbm.capacity", 34.4e9),
    ("v4", "hbm.bandwidth", 1.2e12),
    ("v4", "cores.per_chip", 2),
    ("v4", "cores.jax_devices_per_chip", 2),
    ("v4", "on_chip_memory.vmem", 2 * 16 * 2**20),
    ("v4", "on_chip_memory.cmem", 134e6),
    ("v4", "links.count", 6),
    ("v4", "links.largest_slice", 16 * 16 * 16),
    ("v4", "power.minimum", 90),
    ("v4", "power.mean", 170),
    ("v4", "power.maximum", 192),
    ("v4", "price.on_demand", 3.22),
    ("v5e", "peak.bfloat16", 197e12),
    ("v5e", "peak.int8", 394e12),
    ("v5e", "peak.int4", 788e12),
    ("v5e", "hbm.capacity", 17.2e9),
    ("v5e", "hbm.bandwidth", 819e9),
    ("v5e", "matrix_unit.tile", 128),
    ("v5e", "matrix_unit.count", 4),
    ("v5e", "on_chip_memory.vmem", 128 * 2**20),
    ("v5e", "links.per_link_bandwidth", 45e9),
    ("v5e", "links.count", 4),
    ("v5e", "network.data_center_bandwidth", 3.125e9),
    ("v5e", "network.host_bandwidth", 16e9),
    ("v5e", "price.on_demand", 1.2),
    ("v5p", "peak.bfloat16", 459e12),
    ("v5p", "peak.int8", 918e12),
    ("v5p", "hbm.capacity", 102e9),
    ("v5p", "hbm.bandwidth", 2765e9),
    ("v5p", "cores.per_chip", 2),
    ("v5p", "cores.jax_devices_per_chip", 1),
    ("v5p", "links.largest_slice", 16 * 20 * 28),
    ("v5p", "price.on_demand", 4.2),
    ("v6e", "peak.bfloat16", 918e12),
    ("v6e", "peak.int8", 1836e12),
    ("v6e", "peak.fp8", 918e12),
    ("v6e", "hbm.capacity", 34.4e9),
    ("v6e", "hbm.bandwidth", 1638e9),
    ("v6e", "matrix_unit.tile", 256),
    ("v6e", "matrix_unit.count", 2),
    ("v6e", "network.host_bandwidth", 32e9),
    ("v6e", "price.on_demand", 2.7),
    ("v7x", "peak.bfloat16", 2307e12),
    ("v7x", "peak.fp8", 4614e12),
    ("v7x", "hbm.capacity", 206e9),
    ("v7x", "hbm.bandwidth", 7380e9),
    ("v7x", "cores.per_chip", 2),
    ("v7x", "cores.jax_devices_per_chip", 2),
    ("v7x", "matrix_unit.count", 4),
    ("v7x", "links.per_link_bandwidth", 100e9),
    ("v7x", "links.largest_slice", 9216),
    ("v7x", "power.system", 1085),
]


def figures(table: BaseModel, key: str = "") -> Iterator[tuple[str, Figure | Statement]]:
    """Every figure and statement in `table` with its dotted key."""
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, Figure | Statement):
            yield f"{key}{name}", value
        elif isinstance(value, BaseModel):
            yield from figures(value, f"{key}{name}.")


@pytest.mark.parametrize(("name", "key", "value"), PUBLISHED)
def test_figure_is_the_published_one(name: str, key: str, value: float) -> None:
    found = dict(figures(load_chip(name)))[key]
    assert found.value == value


@EVERY_CHIP
def test_every_figure_says_where_it_comes_from(chip: Chip) -> None:
    found = dict(figures(chip))
    assert len(found) >= 14
    for key, figure in found.items():
        assert len(figure.source) > 10, key
        assert re.match(r"20\d\d", figure.date), key
        assert figure.confidence in ("high", "medium", "low"), key


@EVERY_CHIP
def test_what_is_from_memory_is_never_of_high_confidence(chip: Chip) -> None:
    for key, figure in figures(chip):
        if "from memory" in figure.source:
            assert figure.confidence != "high", key


def test_the_v7x_price_says_that_it_is_from_memory() -> None:
    price = load_chip("v7x").price
    assert price is not None
    assert "from memory" in price.on_demand.source
    assert price.on_demand.confidence == "low"


@pytest.mark.parametrize(
    "key",
    [
        "links.per_link_bandwidth",
        "links.count",
        "links.topology",
        "links.largest_slice",
        "power.maximum",
    ],
)
def test_the_v2_links_and_power_say_that_they_are_from_memory(key: str) -> None:
    figure = dict(figures(load_chip("v2")))[key]
    assert "from memory" in figure.source
    assert figure.confidence == ("low" if key == "links.per_link_bandwidth" else "medium")


@pytest.mark.parametrize(
    ("name", "key", "other"),
    [
        ("v2", "links.largest_slice", "512 chips"),
        ("v3", "peak.bfloat16", "JAX and scaling-book list 1.4e14"),
        ("v3", "hbm.bandwidth", "JAX lists 8.25e11"),
        ("v3", "links.per_link_bandwidth", "83e9"),
    ],
)
def test_sources_that_disagree_are_both_stated(name: str, key: str, other: str) -> None:
    figure = dict(figures(load_chip(name)))[key]
    assert other in figure.source
    assert figure.confidence == "medium"


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_what_is_not_published_of_the_first_pods_is_absent(name: str) -> None:
    chip = load_chip(name)
    peak = chip.peak
    assert (peak.float32, peak.int8, peak.fp8, peak.int4) == (None, None, None, None)
    assert chip.network is None
    assert chip.on_chip_memory is not None
    assert chip.on_chip_memory.cmem is None


def test_v2_power_was_never_measured() -> None:
    power = load_chip("v2").power
    assert power is not None
    assert (power.minimum, power.mean, power.system) == (None, None, None)


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_the_first_links_are_a_plane(name: str) -> None:
    assert dict(figures(load_chip(name)))["links.topology"].value == "2D torus"


@pytest.mark.parametrize("name", ["v5e", "v5p", "v6e"])
def test_power_that_is_not_published_is_absent(name: str) -> None:
    assert load_chip(name).power is None


def test_v7x_is_a_chip_of_two_devices_not_one_core() -> None:
    chip = load_chip("v7x")
    assert chip.cores is not None
    devices = chip.cores.jax_devices_per_chip.value
    assert chip.peak_flops("bfloat16").flop_per_s / devices == 1153.5e12
    assert chip.hbm_bandwidth / devices == 3690e9
    assert chip.hbm_capacity_bytes / devices == 103e9


@pytest.mark.parametrize(
    ("name", "gigahertz"),
    [("v2", 0.7), ("v3", 0.94), ("v4", 1.05), ("v5e", 1.5), ("v5p", 1.75)],
)
def test_matrix_units_make_the_peak_at_the_chips_clock(name: str, gigahertz: float) -> None:
    chip = load_chip(name)
    unit = chip.matrix_unit
    assert unit is not None
    flops_a_cycle = 2 * unit.tile.value**2 * unit.count.value
    peak = chip.peak_flops("bfloat16").flop_per_s
    assert peak / flops_a_cycle == pytest.approx(gigahertz * 1e9, rel=0.005)


@pytest.mark.parametrize("name", ["v6e", "v7x"])
def test_a_count_that_cannot_make_the_peak_is_not_of_high_confidence(name: str) -> None:
    unit = load_chip(name).matrix_unit
    assert unit is not None
    assert unit.count.confidence == "medium"
    assert "GHz" in unit.count.source


def test_files_are_found_from_any_directory(tmp_path: Path) -> None:
    """A copy of the package, without its checkout, still has its chips."""
    copy = tmp_path / "site" / "rooflink" / "tpu_configs"
    copy.mkdir(parents=True)
    for file in files("rooflink.tpu_configs").iterdir():
        if file.name.endswith((".toml", ".py")):
            (copy / file.name).write_bytes(file.read_bytes())
    code = (
        "from rooflink.tpu_configs import catalog; print(catalog.__file__, *catalog.chip_names())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(copy.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    names = ["v2", "v3", "v4", "v5e", "v5p", "v6e", "v7x"]
    assert ran.stdout.split() == [str(copy / "catalog.py"), *names]
