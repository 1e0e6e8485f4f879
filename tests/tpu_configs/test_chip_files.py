"""The figures that come with rooflink: those published, and each with where it comes from."""

import re
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from rooflink.tpu_configs.catalog import chip_names, load_all, load_chip
from rooflink.tpu_configs.chip import Chip
from rooflink.tpu_configs.figure import CONFIDENCES, figures_in

EVERY_CHIP = pytest.mark.parametrize("chip", load_all(), ids=chip_names())

# chip, key, value in base units: read by hand from the published tables
PUBLISHED = [
    ("v2", "peak.bfloat16", 46e12),
    ("v2", "memory.capacity", 16e9),
    ("v2", "memory.bandwidth", 716e9),
    ("v2", "cores.per_chip", 2),
    ("v2", "cores.jax_devices_per_chip", 2),
    ("v2", "matrix_unit.tile", 128),
    ("v2", "matrix_unit.count", 2),
    ("v2", "on_chip_memory.capacity", 2 * 16 * 2**20),
    ("v2", "links.per_link_bandwidth", 62e9),
    ("v2", "links.count", 4),
    ("v2", "links.largest_slice", 16 * 16),
    ("v2", "power.maximum", 280),
    ("v3", "peak.bfloat16", 123e12),
    ("v3", "memory.capacity", 34.4e9),
    ("v3", "memory.bandwidth", 900e9),
    ("v3", "cores.per_chip", 2),
    ("v3", "cores.jax_devices_per_chip", 2),
    ("v3", "matrix_unit.tile", 128),
    ("v3", "matrix_unit.count", 4),
    ("v3", "on_chip_memory.capacity", 2 * 16 * 2**20),
    ("v3", "links.per_link_bandwidth", 100e9),
    ("v3", "links.count", 4),
    ("v3", "links.largest_slice", 32 * 32),
    ("v3", "power.minimum", 123),
    ("v3", "power.mean", 220),
    ("v3", "power.maximum", 262),
    ("v4", "peak.bfloat16", 275e12),
    ("v4", "peak.int8", 275e12),
    ("v4", "memory.capacity", 34.4e9),
    ("v4", "memory.bandwidth", 1.2e12),
    ("v4", "cores.per_chip", 2),
    ("v4", "cores.jax_devices_per_chip", 2),
    ("v4", "on_chip_memory.capacity", 2 * 16 * 2**20),
    ("v4", "on_chip_memory.cmem", 134e6),
    ("v4", "links.count", 6),
    ("v4", "links.largest_slice", 16 * 16 * 16),
    ("v4", "power.minimum", 90),
    ("v4", "power.mean", 170),
    ("v4", "power.maximum", 192),
    ("v5e", "peak.bfloat16", 197e12),
    ("v5e", "peak.int8", 394e12),
    ("v5e", "peak.int4", 788e12),
    ("v5e", "memory.capacity", 17.2e9),
    ("v5e", "memory.bandwidth", 819e9),
    ("v5e", "matrix_unit.tile", 128),
    ("v5e", "matrix_unit.count", 4),
    ("v5e", "on_chip_memory.capacity", 128 * 2**20),
    ("v5e", "links.per_link_bandwidth", 45e9),
    ("v5e", "links.count", 4),
    ("v5e", "network.data_center_bandwidth", 3.125e9),
    ("v5e", "network.host_bandwidth", 16e9),
    ("v5p", "peak.bfloat16", 459e12),
    ("v5p", "peak.int8", 918e12),
    ("v5p", "memory.capacity", 102e9),
    ("v5p", "memory.bandwidth", 2765e9),
    ("v5p", "cores.per_chip", 2),
    ("v5p", "cores.jax_devices_per_chip", 1),
    ("v5p", "links.largest_slice", 16 * 20 * 28),
    ("v6e", "peak.bfloat16", 918e12),
    ("v6e", "peak.int8", 1836e12),
    ("v6e", "peak.fp8", 918e12),
    ("v6e", "memory.capacity", 34.4e9),
    ("v6e", "memory.bandwidth", 1638e9),
    ("v6e", "matrix_unit.tile", 256),
    ("v6e", "matrix_unit.count", 2),
    ("v6e", "network.host_bandwidth", 32e9),
    ("v7x", "peak.bfloat16", 2307e12),
    ("v7x", "peak.fp8", 4614e12),
    ("v7x", "memory.capacity", 206e9),
    ("v7x", "memory.bandwidth", 7380e9),
    ("v7x", "cores.per_chip", 2),
    ("v7x", "cores.jax_devices_per_chip", 2),
    ("v7x", "matrix_unit.count", 4),
    ("v7x", "links.per_link_bandwidth", 100e9),
    ("v7x", "links.largest_slice", 9216),
    ("v7x", "power.system", 1085),
    ("v4i", "memory.bandwidth", 614e9),
    ("v8i", "peak.bfloat16", 1101e12),
    ("v8i", "on_chip_memory.capacity", 2 * 192 * 2**20),
    ("v8t", "memory.capacity", 231e9),
    ("a100", "peak.bfloat16", 312e12),
    ("a100", "memory.bandwidth", 2039e9),
    ("h100", "peak.fp8", 1979e12),
    ("h100", "memory.bandwidth", 3350e9),
    ("h100", "power.maximum", 700),
    ("h200", "memory.capacity", 141e9),
    ("h200", "memory.bandwidth", 4800e9),
    ("h800", "links.count", 8),
    ("b200", "peak.fp4", 9000e12),
    ("b200", "memory.bandwidth", 7700e9),
    ("gb200", "links.largest_slice", 72),
    ("b300", "peak.fp4", 13500e12),
    ("a40", "memory.bandwidth", 696e9),
    ("l40s", "memory.bandwidth", 864e9),
    ("mi210", "peak.bfloat16", 181e12),
    ("mi250x-gcd", "peak.bfloat16", 191.5e12),
    ("mi300x", "peak.bfloat16", 1307e12),
    ("mi300x", "memory.bandwidth", 5300e9),
    ("mi325x", "memory.capacity", 256e9),
    ("mi355x", "peak.fp4", 10066e12),
    ("trainium1", "peak.bfloat16", 190e12),
    ("inferentia2", "memory.bandwidth", 820e9),
    ("trainium2", "peak.bfloat16", 667e12),
    ("groq-lpu", "memory.bandwidth", 80e12),
    ("cerebras-wse3", "memory.capacity", 44e9),
    ("etched-sohu", "memory.capacity", 144e9),
    ("apple-m2", "memory.bandwidth", 100e9),
    ("apple-m2-ultra", "memory.bandwidth", 800e9),
    ("apple-m3-max", "memory.bandwidth", 400e9),
    ("apple-m4", "memory.bandwidth", 120e9),
    ("apple-m4-max", "memory.bandwidth", 546e9),
    ("cpu-i9-13900k", "memory.bandwidth", 89.6e9),
    ("gaudi2", "peak.bfloat16", 432e12),
    ("gaudi2", "power.maximum", 600),
    ("gaudi3", "peak.fp8", 1835e12),
    ("gaudi3", "memory.bandwidth", 3.67e12),
    ("gaudi3", "on_chip_memory.bandwidth", 12.8e12),
    ("gb300", "peak.fp4", 15000e12),
    ("h20", "peak.bfloat16", 148e12),
    ("h20", "memory.bandwidth", 4e12),
    ("rtx-5090", "memory.bandwidth", 1792e9),
    ("rtx-4090", "memory.bandwidth", 1008e9),
    ("t4", "memory.bandwidth", 320e9),
    ("v100", "peak.bfloat16", 125e12),
    ("jetson-orin", "memory.bandwidth", 204.8e9),
    ("jetson-orin", "power.maximum", 60),
    ("jetson-orin-nano", "memory.bandwidth", 102e9),
    ("jetson-thor", "peak.bfloat16", 258.5e12),
    ("dgx-spark", "memory.bandwidth", 273e9),
    ("coral", "peak.int8", 4e12),
    ("coral", "power.maximum", 2),
    ("apple-m1", "memory.bandwidth", 68.2e9),
    ("apple-m5", "memory.bandwidth", 153e9),
    ("apple-a18-pro", "peak.int8", 35e12),
    ("snapdragon-x-elite", "memory.bandwidth", 136e9),
    ("snapdragon-8-elite", "memory.bandwidth", 84.8e9),
    ("ryzen-ai-9-hx-370", "peak.int8", 50e12),
    ("ryzen-ai-max-395", "memory.bandwidth", 256e9),
    ("lunar-lake", "peak.int8", 48e12),
]


@pytest.mark.parametrize(("name", "key", "value"), PUBLISHED)
def test_figure_is_the_published_one(name: str, key: str, value: float) -> None:
    found = figures_in(load_chip(name))[key]
    assert found.value == value


@EVERY_CHIP
def test_every_figure_says_where_it_comes_from(chip: Chip) -> None:
    found = figures_in(chip)
    assert len(found) >= {"tpu": 12, "npu": 5}.get(chip.kind, 6)
    for key, figure in found.items():
        assert len(figure.source) > 10, key
        assert re.match(r"20\d\d", figure.date), key
        assert figure.confidence in CONFIDENCES, key


@EVERY_CHIP
def test_what_is_from_memory_is_never_of_high_confidence(chip: Chip) -> None:
    for key, figure in figures_in(chip).items():
        if "from memory" in figure.source:
            assert figure.confidence != "high", key


@EVERY_CHIP
def test_fewer_bits_are_never_slower(chip: Chip) -> None:
    """But a GB10 as measured, whose FP8 and INT8 are one rate."""
    peak = chip.peak
    for wide, narrow in (("bfloat16", "int8"), ("bfloat16", "fp8"), ("fp8", "fp4"),
                         ("int8", "int4"), ("vector_float32", "bfloat16")):  # fmt: skip
        pair = [getattr(peak, key).value for key in (wide, narrow) if getattr(peak, key)]
        assert len(pair) < 2 or pair[0] <= pair[1], (wide, narrow)


@EVERY_CHIP
def test_the_ridge_is_plausible(chip: Chip) -> None:
    """FLOPs per byte: tens where SRAM or a GPU without matrix units computes, hundreds elsewhere,
    thousands on the other side of a bus."""
    ridge = chip.ridge("int8" if chip.peak.widest == "int8" else "bfloat16")
    least, most = {"lpu": (1, 10), "wafer": (0.5, 10)}.get(chip.kind, (15, 1000))
    assert least <= ridge <= (10_000 if chip.name == "Google Coral Edge TPU" else most)


@pytest.mark.parametrize(
    ("name", "key", "sparse"),
    [
        ("jetson-orin", "peak.int8", 171e12),
        ("jetson-orin-nano", "peak.int8", 67e12),
        ("jetson-thor", "peak.fp4", 2070e12),
    ],
)
def test_a_rate_that_is_sold_sparse_is_halved(name: str, key: str, sparse: float) -> None:
    figure = figures_in(load_chip(name))[key]
    assert figure.value == sparse / 2
    assert f"{sparse / 1e12:.0f} T" in figure.source
    assert "sparse" in figure.source


@pytest.mark.parametrize(
    ("name", "other"),
    [("gaudi3", "1677e12"), ("rtx-5090", "419e12"), ("dgx-spark", "213e12")],
)
def test_other_peaks_that_are_published_are_stated(name: str, other: str) -> None:
    assert other in figures_in(load_chip(name))["peak.bfloat16"].source


def test_no_price_is_from_memory_and_each_says_whose_it_is() -> None:
    offers = [(c.name, o) for c in load_all() if c.price for o in c.price.offers]
    assert len({offer.seller for _, offer in offers}) >= 10
    for name, offer in offers:
        assert "from memory" not in offer.source, name
    assert load_chip("v7x").price is None  # none is published where it could be read


def test_a_seller_has_one_price_of_a_kind_in_a_region() -> None:
    for chip in load_all():
        for offer in chip.price.offers if chip.price else ():
            assert chip.price is not None
            regions = chip.price.regions(offer.kind, offer.seller)
            assert len(regions) == len(set(regions)), (chip.name, offer.seller)


@pytest.mark.parametrize(
    ("name", "kind", "region", "usd"),
    [  # skypilot-catalog gcp/vms.csv @006059e, by the chip
        ("v2", "on_demand", "us-central1", 4.5 / 4),
        ("v3", "on_demand", "us-central1", 8.0 / 4),
        ("v4", "on_demand", "us-central2", 6594.56 / 2048),
        ("v5e", "on_demand", "us-central1", 4.8 / 4),
        ("v5e", "on_demand", "europe-west4", 6.24 / 4),
        ("v5e", "spot", "us-east4", 2.4 / 4),
        ("v5p", "on_demand", "us-east5", 24998.4 / 5952),
        ("v5p", "spot", "europe-west1", 10617.07046 / 5952),
        ("v6e", "on_demand", "asia-northeast1", 3.24),
        ("h100", "on_demand", "us-east4", 9.79655 + 1.18251),
        ("h200", "on_demand", "us-central1", (74.49392 + 12.266) / 8),
        ("a100", "on_demand", "us-east5", 4.4242 + 1.09962),
    ],
)  # fmt: skip
def test_google_clouds_prices_are_those_of_its_list(
    name: str, kind: str, region: str, usd: float
) -> None:
    price = load_chip(name).price
    assert price is not None
    own = [a for a in price.asked(kind, region) if a.offer.seller == "google-cloud"]
    assert [a.usd for a in own] == [pytest.approx(usd, rel=1e-5)]


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
    figure = figures_in(load_chip("v2"))[key]
    assert "from memory" in figure.source
    assert figure.confidence == ("low" if key == "links.per_link_bandwidth" else "medium")


@pytest.mark.parametrize(
    ("name", "key", "other"),
    [
        ("v2", "links.largest_slice", "512 chips"),
        ("v3", "peak.bfloat16", "JAX and scaling-book list 1.4e14"),
        ("v3", "memory.bandwidth", "JAX lists 8.25e11"),
        ("v3", "links.per_link_bandwidth", "83e9"),
    ],
)
def test_sources_that_disagree_are_both_stated(name: str, key: str, other: str) -> None:
    figure = figures_in(load_chip(name))[key]
    assert other in figure.source
    assert figure.confidence == "medium"


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_what_is_not_published_of_the_first_pods_is_absent(name: str) -> None:
    chip = load_chip(name)
    peak = chip.peak
    assert (peak.float32, peak.int8, peak.fp8, peak.int4) == (None, None, None, None)
    assert chip.network is not None
    assert (chip.network.data_center_bandwidth, chip.network.host_bandwidth) == (None, None)
    assert chip.on_chip_memory is not None
    assert chip.on_chip_memory.cmem is None


def test_v2_power_was_never_measured() -> None:
    power = load_chip("v2").power
    assert power is not None
    assert (power.minimum, power.mean, power.system) == (None, None, None)


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_the_first_links_are_a_plane(name: str) -> None:
    assert figures_in(load_chip(name))["links.topology"].value == "2D torus"


@pytest.mark.parametrize("name", ["v5e", "v5p", "v6e"])
def test_power_that_is_not_published_is_absent(name: str) -> None:
    assert load_chip(name).power is None


def test_v7x_is_a_chip_of_two_devices_not_one_core() -> None:
    chip = load_chip("v7x")
    devices = chip.jax_devices
    assert devices == 2
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


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("a100", 300e9),
        ("h100", 450e9),
        ("h800", 200e9),
        ("b200", 900e9),
        ("gb200", 900e9),
        ("gb300", 900e9),
        ("v100", 150e9),
        ("h20", 450e9),
        ("mi300x", 448e9),
    ],
)
def test_links_of_a_gpu_add_up_to_its_published_total(name: str, total: float) -> None:
    links = load_chip(name).links
    assert links is not None
    assert links.count.value * links.per_link_bandwidth.value == total


def test_the_h800_is_an_h100_with_fewer_links() -> None:
    h800, h100 = load_chip("h800"), load_chip("h100")
    assert h800.peak_flops("bfloat16") == h100.peak_flops("bfloat16")
    assert h800.hbm_bandwidth == h100.hbm_bandwidth
    assert h800.links is not None
    assert h100.links is not None
    assert h800.links.count.value < h100.links.count.value


def test_what_only_its_maker_says_is_marked_claimed() -> None:
    sohu = load_chip("etched-sohu")
    assert sohu.confidence == "claimed"
    assert {figure.confidence for figure in figures_in(sohu).values()} == {"claimed", "low"}
    assert load_chip("cerebras-wse3").memory.bandwidth.confidence == "claimed"
    assert load_chip("a100").confidence == "high"


@pytest.mark.parametrize("name", ["groq-lpu", "cerebras-wse3"])
def test_where_sram_holds_the_weights_it_is_the_memory(name: str) -> None:
    chip = load_chip(name)
    assert chip.memory.technology is not None
    assert chip.memory.technology.value == "SRAM"
    assert chip.on_chip_memory is None


def test_vector_rates_follow_from_lanes_and_clock() -> None:
    """Lanes x ALUs x cores x clock: the JAX scaling book, tpus.md, appendix C."""
    for name, cores, alus, clock in (("v4", 2, 2, 1.05e9), ("v5e", 1, 4, 1.5e9)):
        figure = load_chip(name).peak.vector_float32
        assert figure is not None
        assert figure.value == pytest.approx(cores * 8 * 128 * alus * clock, rel=0.01)


def test_files_are_found_from_any_directory(tmp_path: Path) -> None:
    """A copy of the package, without its checkout, still has its chips."""
    copy = tmp_path / "site" / "rooflink" / "tpu_configs"
    with as_file(files("rooflink.tpu_configs")) as package:
        shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy.parent / "__init__.py").touch()  # or the installed package, which has one, goes first
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
    assert ran.stdout.split() == [str(copy / "catalog.py"), *chip_names()]
