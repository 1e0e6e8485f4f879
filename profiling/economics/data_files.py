"""The package's data files: figures by name, each with its source."""

import tomllib
from functools import cache
from importlib.resources import files

from ...tpu_configs.figure import Figure, Words


class Region(Figure):
    """Grams of CO2e a kilowatt-hour, where electricity is used."""

    place: Words


class Factor(Figure):
    """Energy with an overhead over energy without it."""

    said: Words


@cache
def regions() -> dict[str, Region]:
    """Every region by name."""
    return {name: Region.model_validate(row) for name, row in _table("grid.toml").items()}


@cache
def overheads(kind: str) -> dict[str, Factor]:
    """The factors of one kind, 'pue' or 'host', by name."""
    rows = _table("overheads.toml")[kind]
    return {name: Factor.model_validate(row) for name, row in rows.items()}


@cache
def _table(name: str) -> dict[str, dict]:
    text = files(__package__).joinpath(f"data/{name}").read_text(encoding="utf-8")
    return tomllib.loads(text)
