"""The one door for files that a user hands over: what may come in, and one sentence where not.

Whatever the file holds, reading it takes bounded time and memory: it must be a regular file (a pipe
would wait for ever) of at most so many bytes, UTF-8 with or without a byte order mark, and what
JSON or TOML holds must be nested no deeper than `MOST_NESTED` and hold numbers that a float holds.
"""

import json
import math
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .config import ModelInputError

MiB = 1 << 20
MOST_TEXT_BYTES = 64 * MiB
"""Of a text file: hundreds of times a report's record or a benchmark's problems."""
MOST_NESTED = 64
LARGEST = 10**31
"""No count here is larger, and all arithmetic on it stays finite; tokenizer_config.json files state
int(1e30) for 'no limit', which is more than 10**30."""
LONGEST_NAME_BYTES, LONGEST_PATH_BYTES = 255, 4000
"""Of a file or folder, on the file systems of Linux and macOS."""


def user_path(text: str | Path, error: type[ValueError] = ModelInputError) -> Path:
    """The path that a user wrote, `~` expanded. Raises `error` for what can be no path: empty, with
    a NUL, no text in Unicode, with a name that no file system takes, of a user who is not there."""
    written = str(text)
    try:
        written.encode()
        path = Path(written).expanduser()
        longest = max((len(part.encode()) for part in path.parts), default=0)
    except (RuntimeError, ValueError):  # no such user; bytes that are no UTF-8
        raise error(f"{written!r} is not a path: check its first part and its characters") from None
    too_long = longest > LONGEST_NAME_BYTES or len(written.encode()) > LONGEST_PATH_BYTES
    if not written.strip() or "\0" in written or too_long:
        raise error(
            f"{written!r} is not a path: expected names of 1 to {LONGEST_NAME_BYTES} bytes without "
            "a NUL"
        )
    return path


def is_regular_file(path: Path) -> bool:
    """Whether there is a file to read at `path`; never raises."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def read_bytes(
    path: Path,
    what: str,
    error: type[ValueError] = ModelInputError,
    most_bytes: int = MOST_TEXT_BYTES,
    missing: str = "check the path",
) -> bytes:
    """The bytes of a file of kind `what`, 'attempts log'.

    Raises `error` where there is none (`missing` says what to do), and for what is no regular file,
    larger than `most_bytes` or not readable.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "no regular file"
            raise error(f"{path} is {kind}: expected the {what} itself")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise error(f"no {what} at {path}: {missing}") from None
    except OSError as reason:
        raise error(f"cannot read the {what} {path}: {reason.strerror or reason}") from None
    if len(data) > most_bytes:
        raise error(
            f"the {what} {path} is larger than {most_bytes / MiB:.0f} MiB, which none needs: "
            "check that it is the right file"
        )
    return data


def read_text(
    path: Path,
    what: str,
    error: type[ValueError] = ModelInputError,
    most_bytes: int = MOST_TEXT_BYTES,
    missing: str = "check the path",
) -> str:
    """As `read_bytes`, decoded: UTF-8, a byte order mark at its start taken away."""
    data = read_bytes(path, what, error, most_bytes, missing)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise error(
            f"the {what} {path} is not UTF-8 text (byte {reason.start} is "
            f"0x{data[reason.start]:02x}): save it as UTF-8"
        ) from None


def lines_of(text: str) -> list[str]:
    r"""The lines of `text`, which end in \n, \r\n or \r alone: str.splitlines also ends one at
    characters that JSON allows inside a string, such as U+2028."""
    return _line_ends(text).removesuffix("\n").split("\n")


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_value(
    text: str, where: str, error: type[ValueError] = ModelInputError, most: float = math.inf
) -> object:
    """The JSON value in `text`, which stands at `where`. Raises `error` for what is not JSON,
    nested too deeply, gives a key twice in one object, or holds a number that is not finite or not
    below `LARGEST`, or but for 0 not from 1 / `most` to `most`."""

    def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
        table = dict(pairs)
        if len(table) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise error(f"{where} gives the key {twice[:60]!r} twice in one object: keep one")
        return table

    try:
        value = json.loads(text, object_pairs_hook=distinct)
    except json.JSONDecodeError as reason:
        raise error(f"{where} is not JSON: {reason}") from None
    except ValueError as reason:  # Python reads integers of up to 4,300 digits
        if isinstance(reason, error):
            raise
        raise error(f"{where} holds an integer of thousands of digits") from None
    except RecursionError:
        raise error(f"{where} is nested more than {MOST_NESTED} levels deep") from None
    return _bounded(value, where, error, most)


def json_rows(
    text: str, file: str, error: type[ValueError] = ModelInputError
) -> Iterator[tuple[str, object]]:
    """(where it stands, value) of each line of JSON in `text` of `file`; empty lines are passed
    over. Raises as `json_value` does, naming the line, and saying where `text` is JSON of another
    layout."""
    lines = lines_of(text)
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{file}, line {number},"
            try:
                value = json_value(line, where, error)
            except error:
                if layout := _layout("\n".join(lines[number - 1 :]).lstrip()):
                    raise error(f"{where} {layout}: write one JSON object a line") from None
                raise
            yield where, value


def _layout(text: str) -> str:
    """What sets `text`, whose first line is not JSON, apart from JSON Lines; '' for anything."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return ""
    if "\n" in text[:end]:
        return "begins JSON that goes over several lines"
    return "ends in a comma" if text[end:].partition("\n")[0].strip() == "," else ""


def toml_table(
    text: str, file: str, error: type[ValueError] = ModelInputError
) -> dict[str, object]:
    """The TOML table in `text` of `file`. Raises `error` as `json_value` does."""
    if any(line.count(".") > MOST_NESTED for line in lines_of(text)):  # keys take their square
        raise error(f"{file} has a line with more than {MOST_NESTED} dots, which no key needs")
    try:
        table = tomllib.loads(_line_ends(text))
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{file} is not TOML: {reason}") from None
    except ValueError:
        raise error(f"{file} holds an integer of thousands of digits, or no such date") from None
    except RecursionError:
        raise error(f"{file} is nested more than {MOST_NESTED} levels deep") from None
    _bounded(table, file, error)
    return table


def _bounded(value: object, where: str, error: type[ValueError], most: float = math.inf) -> object:
    """`value`, once all in it has been looked at."""
    where = where.removesuffix(",")
    level, depth = [("", value)], 0
    while level:
        below: list[tuple[str, object]] = []
        for key, part in level:
            if problem := _problem(part, most):
                raise error(f"{where}: {key or 'the value'} {problem}")
            if isinstance(part, dict):
                if any(_problem(name) for name in part):
                    raise error(f"{where}: a key under {key or 'the top'} is no text in Unicode")
                below += ((name, inner) for name, inner in part.items())
            elif isinstance(part, list):
                below += ((key, inner) for inner in part)
        level, depth = below, depth + 1
        if depth > MOST_NESTED:
            raise error(f"{where} is nested more than {MOST_NESTED} levels deep")
    return value


def _problem(part: object, most: float = math.inf) -> str:
    """What is wrong with one number or text; '' where nothing is."""
    if isinstance(part, float) and not math.isfinite(part):
        return f"is {part}, expected a finite number"
    if isinstance(part, float) and part and not 1 / most <= abs(part) <= most:
        return f"is {part}, expected 0 or a size from {1 / most:g} to {most:g}"
    if isinstance(part, int) and abs(part) >= LARGEST:
        return "is an integer of more than 31 digits, which no figure here is"
    if (
        isinstance(part, str)
        and not part.isascii()
        and any("\ud800" <= c <= "\udfff" for c in part)
    ):
        return "holds half of a surrogate pair, which is no text"
    return ""
