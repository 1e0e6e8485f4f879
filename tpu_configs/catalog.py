"""Chip files in TOML: those that come with rooflink, by name (TPUs in this folder, others of data
centers in others/, chips of devices in edge/), the user's own, by path, and this machine as a Chip,
as measured.
"""

import difflib
import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from .chip import Chip, Kind, Place
from .input_errors import ChipInputError
from .toml_files import parse_toml, read_text, sentence


def parse_chip(text: str, file: str) -> Chip:
    """Read the TOML `text` of `file` (named in errors). Raises ChipInputError where it is not TOML,
    lacks a key, has a key that is not known, or a value that is not of its kind, not above zero or
    not in its key's unit."""
    return parse_toml(text, file, Chip.model_validate, ChipInputError)


_KINDS: tuple[Kind, ...] = get_args(Kind)
_PLACES: tuple[Place, ...] = get_args(Place)


def chip_names() -> list[str]:
    """Names of the chips that come along: TPUs by generation, then others of data centers,
    then those of devices, by kind and vendor."""
    return list(_texts())


def load_all() -> list[Chip]:
    """Every chip that comes with rooflink, in the order of `chip_names`."""
    return [_packaged(stem) for stem in _texts()]


def load_rentable_tpus() -> list[Chip]:
    """The TPUs that Google Cloud rents out, and libtpu compiles for: what a profile is placed on
    where no chip is named."""
    return [chip for chip in load_all() if chip.libtpu_name]


def load_chip(name_or_path: str | Path) -> Chip:
    """The chip of that name, or the one described in a user's own TOML file.

    A name is taken in any case, with or without 'TPU', and as JAX's device_kind ('TPU v5 lite'),
    gcloud ('v5litepod') or published tables ('A100-80G SXM') have it. A Path, and text that ends
    in .toml, is a file with the keys of chip.py. Raises ChipInputError for an unknown name (near
    names are given) and for a file that is missing or wrong (file and key are named).
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml"):
        expected = ", expected a path to one, or a name that `rooflink chips` lists"
        text = read_text(Path(name_or_path), "chip file", ChipInputError, expected)
        return parse_chip(text, str(name_or_path))
    stems = _stem_by_any_name()
    key = _plain(name_or_path)
    if key not in stems:
        names = _near(key[:100]) or ("v5e", "v6e", "h100")
        raise ChipInputError(
            f"no chip is named {name_or_path!r}, try {', '.join(names)} "
            "(`rooflink chips` lists all), or the path of your own chip file, which ends in .toml"
        )
    return _packaged(stems[key])


def chip_text(name_or_path: str) -> str:
    """The TOML text of a chip that comes along or of a user's own file: a start for another. Raises
    as `load_chip` does."""
    chip = load_chip(name_or_path)
    if name_or_path.endswith(".toml"):
        return read_text(Path(name_or_path), "chip file", ChipInputError)
    return _texts()[chip_stem(chip)]


def chip_stem(chip: Chip) -> str:
    """The short name that loads `chip`, such as 'v5e'; a user's own chip has its full name."""
    stem = _stem_by_any_name().get(_plain(chip.name))
    packaged = _packaged(stem) if stem else None
    return stem if stem and (packaged is chip or packaged == chip) else chip.name


@lru_cache(maxsize=256)
def _near(key: str) -> tuple[str, ...]:
    """Stems of the chips whose names are most like the plain form `key`."""
    stems = _stem_by_any_name()
    near = difflib.get_close_matches(key, stems, n=4)
    return tuple(dict.fromkeys(stems[name] for name in near))


@cache
def _packaged(stem: str) -> Chip:
    """The chip of a file in this package: read when it is first asked for."""
    return parse_chip(_texts()[stem], f"{stem}.toml")


@cache
def _texts() -> dict[str, str]:
    """File stem -> text, of every chip file in this package, in the order of `chip_names`."""
    package = files(__package__)
    texts = {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for folder in (package, package / "others", package / "edge")
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }
    heads = {stem: _head(text) for stem, text in texts.items()}

    def order(stem: str) -> tuple[int, int, str, int, str]:
        """TPUs by name, which is by generation; others by place, kind, vendor and year."""
        head = heads[stem]
        place, kind = _PLACES.index(head.get("place", _PLACES[0])), _KINDS.index(head["kind"])
        if head["kind"] == "tpu":
            return place, kind, "", 0, stem
        return place, kind, head["vendor"], head["year"], stem

    return {stem: texts[stem] for stem in sorted(texts, key=order)}


@cache  # for the order of all files, and for their names
def _head(text: str) -> dict[str, Any]:
    """The keys of a chip file before its first table, which say what chip it is."""
    return tomllib.loads(re.split(r"^\[", text, maxsplit=1, flags=re.MULTILINE)[0])


@cache
def _stem_by_any_name() -> dict[str, str]:
    """Plain form of every stem, name and alias -> stem."""
    heads = {stem: _head(text) for stem, text in _texts().items()}
    return {
        _plain(name): stem
        for stem, head in heads.items()
        for name in (stem, head["name"], *head.get("aliases", ()))
    }


def _plain(name: str) -> str:
    """Lower case, letters and digits only, no leading 'tpu'."""
    return re.sub(r"[\W_]", "", name.lower()).removeprefix("tpu")


SOURCE = "measured on this machine"


def measured_chip(
    name: str, peak_flops_float32: float, bandwidth: float, capacity_bytes: float, date: str
) -> Chip:
    """The CPU at hand, from figures that were measured on it, marked with `SOURCE`: its best matmul
    in FLOP per second, its main memory's bytes per second and size; `date` is an ISO date. It has
    no links, power or price. Raises ChipInputError for a figure not above zero or a bad date."""

    def figure(value: float, unit: str) -> dict[str, object]:
        described = {"source": SOURCE, "date": date, "confidence": "high"}
        return {"value": float(value), "unit": unit, **described}

    tables = {
        "peak": {"float32": figure(peak_flops_float32, "FLOP/s")},
        "memory": {"capacity": figure(capacity_bytes, "B"), "bandwidth": figure(bandwidth, "B/s")},
    }
    year = int(date[:4]) if date[:4].isdecimal() else 0
    chip = {"name": name, "vendor": "this machine", "kind": "cpu", "year": year, **tables}
    try:
        return Chip.model_validate(chip)
    except ValidationError as error:
        raise ChipInputError(f"the measured chip: {sentence(error.errors()[0])}") from None
