"""The chips that come with rooflink, by name, and the user's own chip files, by path."""

import difflib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from .chip import Chip
from .errors import ChipInputError
from .reading import parse_chip

_PACKAGE = __name__.rpartition(".")[0]


def chip_names() -> list[str]:
    """Names of the chips that come with rooflink, such as 'v5e', by generation."""
    return list(_packaged())


def load_all() -> list[Chip]:
    """Every chip that comes with rooflink, in the order of `chip_names`."""
    return list(_packaged().values())


def load_chip(name_or_path: str | Path) -> Chip:
    """The chip of that name, or the one described in a user's own TOML file.

    A name is taken in any case, with or without 'TPU', and as JAX's device_kind ('TPU v5 lite')
    or gcloud ('v5litepod') have it. A Path, and text that ends in .toml, is a file with the keys
    of chip.py.

    Raises ChipInputError for an unknown name (near names are given) and for a file that is
    missing or wrong (file and key are named).
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml"):
        return _read_file(Path(name_or_path))
    chips = _by_any_name()
    key = _plain(name_or_path)
    if key not in chips:
        near = difflib.get_close_matches(key, chips, n=3) or chip_names()
        raise ChipInputError(
            f"no chip is named {name_or_path!r}, try {', '.join(near)}, "
            "or the path of your own chip file, which ends in .toml"
        )
    return chips[key]


def _read_file(path: Path) -> Chip:
    """Read a chip file of the user's."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ChipInputError(
            f"no chip file at {path}, expected a path to one or a name of {', '.join(chip_names())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ChipInputError(f"{path} is not a readable chip file: {error}") from None
    return parse_chip(text, str(path))


@cache
def _packaged() -> dict[str, Chip]:
    """File stem -> chip, of every chip file in this package; names sort by generation."""
    found = [file for file in files(_PACKAGE).iterdir() if file.name.endswith(".toml")]
    return {
        file.name.removesuffix(".toml"): parse_chip(file.read_text(encoding="utf-8"), file.name)
        for file in sorted(found, key=lambda file: file.name)
    }


@cache
def _by_any_name() -> dict[str, Chip]:
    """Plain form of every stem, name and alias -> chip."""
    return {
        _plain(name): chip
        for stem, chip in _packaged().items()
        for name in (stem, chip.name, *chip.aliases)
    }


def _plain(name: str) -> str:
    """Lower case, letters and digits only, no leading 'tpu'."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("tpu")
