"""What is wrong in a chip file is said in one sentence with file, key and what is expected."""

from importlib.resources import files

import pytest

from rooflink.tpu_configs.catalog import parse_chip
from rooflink.tpu_configs.input_errors import ChipInputError

GOOD = files("rooflink.tpu_configs").joinpath("v5e.toml").read_text(encoding="utf-8")
BANDWIDTH = '[memory.bandwidth]\nvalue = 819e9\nunit = "B/s"'

# what is changed in a good file, into what, and the whole sentence that follows the file's name
WRONG = [
    (
        BANDWIDTH,
        '[memory.bandwidth]\nvalue = 819\nunit = "GB/s"',
        "memory.bandwidth has the unit 'GB/s', expected 'B/s' (G is 1e9)",
    ),
    (
        BANDWIDTH,
        BANDWIDTH.replace("B/s", "B"),
        "memory.bandwidth has the unit 'B', expected 'B/s' (G is 1e9)",
    ),
    ("819e9", "-819e9", "memory.bandwidth.value is -819000000000.0, expected greater than 0"),
    ("819e9", "0", "memory.bandwidth.value is 0, expected greater than 0"),
    ("819e9", "nan", "memory.bandwidth.value is nan, expected a finite number"),
    ("819e9", "inf", "memory.bandwidth.value is inf, expected a finite number"),
    ("819e9", '"819e9"', "memory.bandwidth.value is '819e9', expected a valid number"),
    ("819e9", "true", "memory.bandwidth.value is True, expected a valid number"),
    (
        "[memory.bandwidth]",
        "[memory.bandwith]",
        "memory has an unknown key 'bandwith', expected only capacity, bandwidth, technology",
    ),
    (
        BANDWIDTH,
        BANDWIDTH.replace('unit = "B/s"', ""),
        "memory.bandwidth lacks the key 'unit', "
        "expected a table with value, unit, source, date, confidence",
    ),
    (
        'name = "TPU v5e"',
        "",
        "the file lacks the key 'name', "
        "expected a table with name, vendor, kind, year, peak, memory",
    ),
    (
        "[memory.bandwidth]",
        "[spare]",
        "the file has an unknown key 'spare', expected only name, vendor, kind, year, place, "
        "aliases, libtpu_name, compared_chips, "
        "silicon, cores, peak, matrix_unit, memory, on_chip_memory, links, network, power, price",
    ),
    (
        "[links.latency]",
        "[power.maximum]",
        "power.maximum has the unit 's', expected 'W' (G is 1e9)",
    ),
    (
        "us-central1 = 1.2,",
        "us-central1 = -1,",
        "price.offers.0.usd_per_chip_hour.us-central1 is -1, expected greater than 0",
    ),
    (
        'kind = "spot"',
        'kind = "used"',
        "price.offers.1.kind is 'used', expected 'on_demand', 'one_year', 'three_year' or 'spot'",
    ),
    (
        "[cores.per_chip]\nvalue = 1",
        "[cores.per_chip]\nvalue = 1.5",
        "cores.per_chip is 1.5, expected a whole number",
    ),
    ("year = 2023", 'year = "2023"', "year is '2023', expected a valid integer"),
    ('name = "TPU v5e"', 'name = " "', "name is ' ', expected some words"),
    (
        'date = "2026"',
        "date = 2026",
        "cores.per_chip.date is 2026, expected a year or ISO date in quotes, as '2026-01-31'",
    ),
    (
        'date = "2026"',
        'date = "2026-13"',
        "cores.per_chip.date is '2026-13', expected a year or ISO date in quotes, as '2026-01-31'",
    ),
    (
        'confidence = "high"',
        'confidence = "sure"',
        "cores.per_chip.confidence is 'sure', expected 'high', 'medium', 'low' or 'claimed'",
    ),
    (
        'kind = "tpu"',
        'kind = "vpu"',
        "kind is 'vpu', expected 'tpu', 'gpu', 'lpu', 'wafer', 'asic', 'laptop', 'edge gpu', 'npu' "
        "or 'cpu'",
    ),
    (
        'kind = "torus"',
        'kind = "tree"',
        "links.topology.kind is 'tree', expected 'ring', 'torus', 'switch', 'mesh' or 'none'",
    ),
    (
        'kind = "torus"',
        'kind = "switch"',
        "links.topology has the kind 'switch' and the pod "
        "[16, 16], expected a pod for a torus and for nothing else",
    ),
    (
        "pod = [16, 16]\n",
        "",
        "links.topology has the kind 'torus' and the pod None, expected a pod "
        "for a torus and for nothing else",
    ),
    (
        "wrap_side = 16\n",
        "",
        "links.topology has one of wrap_side and wrap_rule, expected both or neither",
    ),
    ("pod = [16, 16]", "pod = [16, 0]", "links.topology.pod.1 is 0, expected greater than 0"),
    (
        "pod = [16, 16]",
        "pod = [16, 8]",
        "links joins 256 chips in a pod of [16, 8], expected as many",
    ),
    (
        "value = 256\nunit",
        "value = 1e9\nunit",
        "links joins 1e+09 chips in a pod of [16, 16], expected as many",
    ),
    (
        "[links.latency]\nvalue = 1e-6",
        "[links.latency]\nvalue = -1e-6",
        "links.latency.value is -1e-06, expected greater than 0",
    ),
    (
        '[links.latency]\nvalue = 1e-6\nunit = "s"',
        '[links.latency]\nvalue = 1\nunit = "us"',
        "links.latency has the unit 'us', expected 's' (G is 1e9)",
    ),
    (
        "year = 2023",
        'year = 2023\nplace = "moon"',
        "place is 'moon', expected 'data center' or 'edge'",
    ),
    (
        "[memory.technology]",
        "[memory.kind]",
        "memory has an unknown key 'kind', expected only capacity, bandwidth, technology",
    ),
    (
        'source = "jax-ml/jax pallas/mosaic/tpu_info.py @cec06d1"',
        'source = ""',
        "cores.per_chip.source is '', expected some words",
    ),
]


def refusal(text: str) -> str:
    """What parse_chip says of `text` in mine.toml."""
    with pytest.raises(ChipInputError) as caught:
        parse_chip(text, "mine.toml")
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG)
def test_wrong_input_is_answered_in_one_sentence(old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    assert refusal(GOOD.replace(old, new, 1)) == f"mine.toml: {sentence}"


def test_a_peak_without_a_rate_to_fall_back_on_is_refused() -> None:
    text = GOOD.replace("[peak.bfloat16]", "[peak.fp8]").replace("[peak.int8]", "[peak.fp4]")
    assert refusal(text) == (
        "mine.toml: peak lacks a rate to fall back on, expected bfloat16, float32 or int8"
    )


def test_a_bare_number_is_no_figure() -> None:
    text = GOOD[: GOOD.index("[[price.offers]]")] + "[price]\nownership = 3"
    assert refusal(text) == (
        "mine.toml: price.ownership is 3, "
        "expected a table with value, unit, source, date, confidence"
    )


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    assert refusal('name = "x"\nyear =') == (
        "mine.toml is not TOML: Invalid value (at end of document)"
    )


def test_an_empty_file_lacks_its_first_key() -> None:
    assert "lacks the key 'name'" in refusal("")
