"""`rooflink predict` with odd values: exit code 2, one sentence that names what was wrong, and
nothing left behind; and readers of other verbs' files that stand on the same ones."""

import json
from pathlib import Path

import pytest

from .conftest import Command

DIGITS = "9" * 5000
SIZES = """name = "mine"
layers = 4
embed_dim = 64
query_heads = 4
kv_heads = 2
head_dim = 16
mlp_dim = 256
vocab_size = 1000
"""
CHIP = """name = "Mine"
vendor = "me"
kind = "gpu"
year = 2026
[peak.bfloat16]
value = 1e15
unit = "FLOP/s"
source = "me"
date = "2026"
confidence = "high"
[memory.capacity]
value = 8e10
unit = "B"
source = "me"
date = "2026"
confidence = "high"
[memory.bandwidth]
value = 3e12
unit = "B/s"
source = "me"
date = "2026"
confidence = "high"
"""
COSTS = """purchase_usd = 25000.0
years = 4.0
utilisation = 0.6
electricity_usd_per_kwh = 0.08
pue = 1.2
power_w = 700.0
"""
PLAIN = {"--model": "llama3-8b", "--slice": "v5e-8"}


def refused(rooflink: Command, **options: str) -> str:
    """What is said of a prediction that is asked with these options besides the plain ones."""
    chosen = PLAIN | {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    outcome = rooflink("predict", *(part for pair in chosen.items() for part in pair))
    assert (outcome.code, outcome.out) == (2, "")
    line = outcome.err.removeprefix("error: ").removesuffix("\n")
    assert line.isprintable()
    assert len(line) <= 300
    assert list(Path().iterdir()) == []
    return line


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("slice", "", "--slice is empty"),
        ("slice", "v5e-0", "no slice '0'"),
        ("slice", "v5e--8", "no chip is named 'v5e--8'"),
        ("slice", f"v5e-{DIGITS}", "no slice '999"),
        ("slice", f"v5e:{'2x' * 2000}2", "no slice '2x2"),
        ("slice", "h100-1000000000", "more than any cluster has: expected 1,048,576 at most"),
        ("slice", "v5e:1e3", "no slice '1e3'"),
        ("slice", "\x1b[31mv5e", "no chip is named"),
        ("slice", "[/red]", "no chip is named '[/red]'"),
        ("slice", "v5e\n-8", "no slice '8'|no chip is named"),
        ("slice", "x" * 100_000, "no chip is named 'xxx"),
        ("slice", "nosuch.toml:8", "no chip file at nosuch.toml"),
        ("mesh", "", "--mesh is empty"),
        ("mesh", "tensor=0", "expected sizes of its axes"),
        ("mesh", "tensor=-8", "expected sizes of its axes"),
        ("mesh", f"tensor={DIGITS}", "expected sizes of its axes"),
        ("mesh", "tensor=8,tensor=8", "expected sizes of its axes"),
        ("mesh", "tensor=3", "takes 3 chips but v5e:2x4 has 8"),
        ("model", "", "--model is empty"),
        ("model", "llama3-9b", "unknown model 'llama3-9b': expected llama3-8b"),
        ("model", "m" * 5000, "is not a path"),
        ("model", "~nosuchuser/x.toml", "is not a path"),
        ("model", "nosuch.toml", "no model file at nosuch.toml"),
        ("price", "-1", "--price is -1, expected 0 to 1,000,000 dollars per chip-hour"),
        ("price", "1e300", "--price is 1e300, expected 0 to 1,000,000"),
        ("price", "nan", "--price is nan"),
        ("price", "cheap", "unknown price 'cheap': expected on_demand"),
        ("price", "~nosuchuser/x.toml", "is not a path"),
        ("pue", "0.5", "--pue is 0.5, expected 1 to 100"),
        ("pue", "1e9", "--pue is 1e9, expected 1 to 100"),
        ("region", "-1", "--region is -1, expected 0 to 100,000 grams"),
        ("region", "us_central1", "unknown region 'us_central1': expected us-central1"),
        ("host", "none!", "unknown --host 'none!': expected"),
        ("stack", "\x1b[31m", "no serving stack is called"),
        ("stack", "s" * 200, "no serving stack is called"),
        ("dtype", "int3", "unknown dtype 'int3': expected one of float32"),
        ("kv_dtype", "", "--kv-dtype is empty"),
        ("matmul_dtype", "bf17", "unknown dtype 'bf17': expected one of float32"),
        ("batch", "0", "--batch must be at least 1"),
        ("batch", DIGITS[:400], "--batch"),
        ("attempts", "99999999999", "--attempts"),
        ("attempts", "999999999", "does not fit v5e:2x4"),
        ("think", "-1", "--think must be at least 0"),
        ("think", "nan", "--think is nan"),
        ("think", "1e400", "--think is inf"),
        ("think", "1e30", "--think"),
        ("lengths_spread", "11", "--lengths-spread must be at most 10"),
    ],
)  # fmt: skip
def test_an_odd_option_is_refused(rooflink: Command, option: str, value: str, said: str) -> None:
    line = refused(rooflink, **{option: value})
    assert any(part in line for part in said.split("|")), line


def changed(text: str, key: str, value: str) -> str:
    """A TOML text whose first `key` has another value."""
    lines = text.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith(f"{key} ="))
    return "\n".join([*lines[:index], f"{key} = {value}", *lines[index + 1 :]])


@pytest.mark.parametrize(
    ("option", "text", "key", "value", "said"),
    [
        ("model", SIZES, "layers", "0", "layers is 0"),
        ("model", SIZES, "layers", "1" + "0" * 400, "layers over 100,000,000"),
        ("model", SIZES, "vocab_size", DIGITS, "Python cannot read"),
        ("model", SIZES, "embed_dim", "nan", "embed_dim"),
        ("model", SIZES, "head_dim", "true", "head_dim"),
        ("model", SIZES, "mlp_dim", "[" * 3000, "nested"),
        ("model", SIZES, "mlp_dim", "1" + "." * 100_000, "a line with more than 64 dots"),
        ("model", SIZES, "name", '"a\\u001bb"', "expected 500 printable characters at most"),
        ("model", SIZES, "name", '""', "expected some words"),
        ("model", SIZES, "kv_heads", "3", "4 query heads for 3 KV heads"),
        ("slice", CHIP, "value", "1e300", "peak.bfloat16.value is 1e+300, expected 1e-18 to 1e+24"),
        ("slice", CHIP, "value", "inf", "peak.bfloat16.value is inf"),
        ("slice", CHIP, "value", "1" + "0" * 400, "peak.bfloat16.value"),
        ("slice", CHIP, "value", "0", "peak.bfloat16.value is 0, expected greater than 0"),
        ("slice", CHIP, "name", '"[/x]\\u0007"', "printable characters"),
        ("slice", CHIP, "year", "-1", "year is -1"),
        ("slice", CHIP, "year", "[" * 3000, "nested"),
        ("price", COSTS, "years", "1e-300", "years is 1e-300"),
        ("price", COSTS, "utilisation", "0", "utilisation is 0"),
        ("price", COSTS, "pue", "1e300", "pue is 1e+300"),
        ("price", COSTS, "power_w", "-1", "power_w is -1"),
        ("price", COSTS, "purchase_usd", "nan", "purchase_usd is nan"),
        ("price", COSTS, "purchase_usd", "[" * 3000, "nested"),
    ],
)
def test_an_odd_file_is_refused(
    rooflink: Command, tmp_path: Path, option: str, text: str, key: str, value: str, said: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(changed(text, key, value))
    assert said in refused(rooflink, **{option: str(file)})


@pytest.mark.parametrize(("option", "text"), [("model", SIZES), ("slice", CHIP), ("price", COSTS)])
def test_the_same_files_without_the_odd_value_are_read(
    rooflink: Command, tmp_path: Path, option: str, text: str
) -> None:
    """With a byte order mark, as some editors save them."""
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    chosen = PLAIN | {f"--{option}": str(file), "--batch": "1"}
    outcome = rooflink("predict", *(part for pair in chosen.items() for part in pair))
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("option", ["model", "slice", "price"])
def test_a_folder_or_a_binary_file_is_refused(
    rooflink: Command, tmp_path: Path, option: str
) -> None:
    folder, binary = tmp_path / "folder.toml", tmp_path / "binary.toml"
    folder.mkdir()
    binary.write_bytes(b"\xff\xfe\0" * 9)
    assert "no regular file" in refused(rooflink, **{option: str(folder)})
    assert "is not UTF-8 text" in refused(rooflink, **{option: str(binary)})


def test_a_slice_as_google_sells_it_is_said(rooflink: Command) -> None:
    asked = ("predict", "--model", "llama3-8b", "--slice", "v5p-8")
    outcome = rooflink(*asked)
    assert outcome.code == 0
    assert outcome.out.count("v5p-8") == 1
    first = json.loads(rooflink(*asked, "--json").out)["predictions"][0]
    (caution,) = [each for each in first["cautions"] if each.startswith("v5p-8 counts TensorCores")]
    assert caution in " ".join(outcome.out.split())
