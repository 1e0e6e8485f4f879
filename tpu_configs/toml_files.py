"""Tables in TOML files, with one sentence for what is wrong in one: which file, which key, and what
was expected. Reading takes bounded time, whatever the file is.
"""

import stat
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

Parsed = TypeVar("Parsed")
MOST_DOTS = 64
"""In a line: a dotted key takes the square of its parts to read."""
MOST_BYTES = 1 << 20
"""Of a chip file; those that come along have at most 10 kB."""


def read_text(
    path: Path, what: str, error: type[ValueError], expected: str = ": check the path"
) -> str:
    """The text of a user's file; `what` is its kind, 'chip file'.

    Raises `error` for a file that is missing (`expected` ends the sentence), no regular file (a
    pipe would wait for ever), larger than `MOST_BYTES`, or no text in UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise error(f"{path} is no regular file{expected}")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise error(f"{path} is larger than 1 MiB: no {what} is, check the path")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise error(f"no {what} at {path}{expected}") from None
    except UnicodeDecodeError as reason:
        raise error(
            f"the {what} {path} is not UTF-8 text (byte {reason.start} is "
            f"0x{reason.object[reason.start]:02x}): save it as UTF-8"
        ) from None
    except OSError as reason:
        raise error(f"{path} is not a readable {what}: {reason}") from None
    except ValueError as reason:
        if isinstance(reason, error):
            raise
        raise error(f"{str(path)!r} is not a path{expected}") from None  # a NUL, half a character


def parse_toml(
    text: str, file: str, build: Callable[[dict], Parsed], error: type[ValueError]
) -> Parsed:
    """What `build`, which validates, makes of the table in `text` of `file`, named in errors.

    Raises `error` for what is not TOML, and for the first key that is wrong.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # old Macs' line ends too
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise error(
            f"{file} has a line with more than {MOST_DOTS} dots, which no key or text needs"
        )
    try:
        return build(tomllib.loads(text))
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{file} is not TOML: {reason}") from None
    except RecursionError:
        raise error(f"{file} is nested too deeply to be a table of figures") from None
    except ValidationError as reason:
        raise error(f"{file}: {sentence(reason.errors()[0], 'a table')}") from None
    except ValueError as reason:
        if isinstance(reason, error):
            raise
        raise error(f"{file} holds a number or a date that Python cannot read: {reason}") from None


@cache
def shipped_tables(package: str, name: str) -> dict[str, dict]:
    """The tables of a file in a package's `data` folder, which is known to be right. Read once: not
    to be changed."""
    return tomllib.loads((files(package) / "data" / name).read_text(encoding="utf-8"))


def sentence(error: ErrorDetails, mapping: str = "a JSON object") -> str:
    """'<key> <what is wrong>, expected <what>'; this package's own checks say the latter two.
    `mapping` is what the file's format calls keys with values."""
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "value_error":
        return f"{key} {error['ctx']['error']}"
    return f"{key} is {error['input']!r}, {expected(error, mapping)}"


def expected(error: ErrorDetails, mapping: str = "a JSON object") -> str:
    """'expected <what>', where `error` is pydantic's own."""
    if error["type"] in ("model_type", "model_attributes_type", "dict_type", "dataclass_type"):
        return f"expected {mapping}"  # pydantic's words name the class
    return error["msg"].replace("Input should be", "expected")
