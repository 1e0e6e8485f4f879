"""What every fuzz test shares: the property of a reader, and mutations of valid input.

tests/fuzz/README.md shows a test. A reader takes bytes (`file_reader` makes one of a function that
takes a path) or text, and either returns or raises one of the project's three input errors.
"""

import atexit
import json
import math
import resource
import runpy
import shutil
import signal
import struct
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from random import Random
from typing import AnyStr, Concatenate, ParamSpec, TypeVar

from hypothesis import strategies as st
from pydantic import BaseModel

from rooflink.model.config import ModelInputError
from rooflink.profiling.errors import ProfileInputError
from rooflink.tpu_configs.input_errors import ChipInputError

T = TypeVar("T")
P = ParamSpec("P")
Reader = Callable[[bytes], object]
HERE = Path(__file__).parents[1] / "fuzz"
CORPUS = HERE / "corpus"
INPUT_ERRORS = (ModelInputError, ProfileInputError, ChipInputError)
LONGEST_SENTENCE = 300
MOST_CPU_S, MOST_S = 5, 600  # of one case: its work, and what it waits, also for a busy machine


class TooLongError(BaseException):
    """A case was stopped; no reader's `except Exception` may swallow it."""


@dataclass
class Tally:
    """What became of a reader's cases."""

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0  # of CPU


TALLIES: dict[str, Tally] = defaultdict(Tally)
"""By the reader's name; printed at the end of a long run."""


def assert_reads_or_refuses(
    reader: Callable[[T], object], given: T, valid: Callable[[object], None] | None = None
) -> object:
    """Hold the property: `reader(given)` returns what `valid` accepts, or raises an input error of
    one printable line, within 5 s of CPU. Returns what was read; None where it was refused.

    Whatever else the reader raises is raised. A pydantic record must be one that its own type
    takes again.
    """
    tally, began = TALLIES[getattr(reader, "__name__", "reader")], time.process_time()
    try:
        with _stopped_after(MOST_CPU_S, MOST_S):
            result = reader(given)
    except INPUT_ERRORS as error:
        tally.refused += 1
        assert_one_sentence(str(error))
        return None
    finally:
        tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
    tally.read += 1
    if isinstance(result, BaseModel):
        type(result).model_validate_json(result.model_dump_json())
    if valid is not None:
        valid(result)
    return result


def assert_one_sentence(text: str) -> None:
    """One line of 1 to 300 printable characters."""
    assert text, "an empty sentence"
    assert len(text) <= LONGEST_SENTENCE, f"{len(text)} characters: {text[:400]}"
    assert text.isprintable(), f"characters that do not print: {text!r}"


@contextmanager
def _stopped_after(cpu_s: float, wall_s: float) -> Iterator[None]:
    """Raises TooLongError inside what takes longer; in the main thread."""

    def stop(number: int, frame: object) -> None:
        whole = f"over {wall_s} s, most of them waiting"
        raise TooLongError(f"over {cpu_s} s of CPU" if number == signal.SIGPROF else whole)

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, cpu_s), (signal.ITIMER_REAL, signal.SIGALRM,
              wall_s))  # fmt: skip
    before = [signal.signal(name, stop) for _, name, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, name, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(name, handler)


def limit_memory(extra_bytes: int) -> None:
    """From here on the process may map so much more than it has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def file_reader(load: Callable[[Path], object], name: str) -> Reader:
    """A reader of bytes out of one of files: they stand in a file `name` while `load` reads it."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def reader(data: bytes) -> object:
        path = folder / name
        path.write_bytes(data)
        return load(path)

    reader.__name__ = getattr(load, "__name__", name)
    return reader


def text_reader(parse: Callable[[str], object]) -> Reader:
    """A reader of bytes out of one of text, for coverage-guided fuzzing."""

    def reader(data: bytes) -> object:
        return parse(data.decode("utf-8", "surrogateescape"))

    reader.__name__ = getattr(parse, "__name__", "parse")
    return reader


def corpus(subject: str) -> list[bytes]:
    """The files of tests/fuzz/corpus/`subject`, by name."""
    return [path.read_bytes() for path in sorted((CORPUS / subject).iterdir())]


def corpus_texts(subject: str) -> list[str]:
    """The same as text."""
    return [data.decode() for data in corpus(subject)]


def shortened(value: object, most: int) -> object:
    """JSON whose lists have at most so many members: a record of one of each is read as well, and
    sooner."""
    if isinstance(value, dict):
        return {key: shortened(part, most) for key, part in value.items()}
    return [shortened(part, most) for part in value[:most]] if isinstance(value, list) else value


def numbers(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the numbers of a record stand."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from numbers(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value[:3]):
            yield from numbers(part, (*path, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def readers() -> dict[str, Reader]:
    """Subject -> reader of bytes: READERS of every tests/fuzz/test_fuzz_<subject>.py."""
    every: dict[str, Reader] = {}
    for path in sorted(HERE.glob("test_fuzz_*.py")):
        module = runpy.run_path(str(path))
        every.update(module.get("READERS", {}))
    return every


ODD_CHARACTERS = (
    "\0", "\x07", "\x1b[31m", "\r", "\n", "\r\n", "\t", "\x7f", "\x85", "\u2028", "\u2029",
    "\u202e", "\ufeff", "\ufffd", "\N{MINUS SIGN}", "\N{ARABIC-INDIC DIGIT THREE}", "\U0001f600",
    "[bold]", "<b>", "|", "`", "$(x)", "../", "~", "%s", "{}", "'", '"', "\\",
)  # fmt: skip
ODD_TEXTS = ("", " ", ".", "..", "/", "a" * 300, "x" * 100_000, "nan", "inf", "-0", "1e400", "0x10",
             "1_000", "٣", *ODD_CHARACTERS)  # fmt: skip
ODD_BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xa8",
    b"\r\n", b"\x80" * 9, b"\xff" * 8, b"\x1f\x8b", b"[" * 3000, b"{" * 300, b"9" * 5000, b"NaN",
    b"-", b"1e999", b'"', b"\\u0000", b"\\ud800",
)  # fmt: skip
ODD_TOKENS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000, "-0", "1e-400",
              "[" * 3000 + "]" * 3000, '{"a":' * 200 + "1" + "}" * 200,
              "123456789" * 5)  # fmt: skip
"""JSON that json.dumps would not write."""
ODD_TOML = (
    "nan", "-inf", "9" * 5000, "1e400", "0x7fffffffffffffff", "-1", "0", '""', "'\u2028'", "[]",
    "{}", "true", "1979-05-27", "[" * 300 + "]" * 300, "{a = " * 70 + "1" + "}" * 70, '"a\\u0000b"',
    '"../../x"', '"[bold]x"', "'" + "x" * 100_000 + "'", "1_0", "99999999999999999999",
)  # fmt: skip
ODD_NUMBERS = (0, 1, -1, 2**31, 2**63, 2**64, 10**30, 10**308, 0.5, -0.0, 1e-300, 1e300, 5e-324)
_RAW_BEGIN = "fuzz raw "
_RAW = _RAW_BEGIN + "{} token"  # stands in a value until it is text


def seeded(make: Callable[Concatenate[Random, P], T]) -> Callable[P, st.SearchStrategy[T]]:
    """The strategy of what `make` makes by chance, in one draw, of a seed: the dozens of draws of a
    mutation take Hypothesis more time than its reader takes. What fails is named by its seed:
    `strategy.__wrapped__(Random(seed), ...)` is the case."""

    @wraps(make)
    def strategy(*args: P.args, **kwargs: P.kwargs) -> st.SearchStrategy[T]:
        return st.binary(min_size=8, max_size=8).map(
            lambda seed: make(Random(seed), *args, **kwargs)
        )

    return strategy


def any_integer(by: Random) -> int:
    """Of any size, mostly small."""
    return by.choice((-1, 1, 1)) * by.getrandbits(by.choice((2, 8, 8, 16, 16, 16, 32, 64, 128)))


def any_float(by: Random) -> float:
    """Plain ones, those of any 64 bits, and those that are odd or no number."""
    bits: float = struct.unpack("d", by.randbytes(8))[0]
    odd = by.choice((math.nan, math.inf, -math.inf, -0.0, 5e-324))
    return by.choice(
        (bits, odd, by.uniform(-2, 2), by.uniform(0, 1e4), float(by.randint(-99, 999)))
    )


def any_text(by: Random, longest: int) -> str:
    """Of up to so many characters of Unicode, half of them ASCII; no halves of surrogate pairs."""
    ranges = ((0, 128), (0, 128), (0, 0xD800), (0xE000, 0x110000))
    return "".join(chr(by.randrange(*by.choice(ranges))) for _ in range(by.randint(0, longest)))


def odd_value(by: Random) -> object:
    """A value that a careful reader must expect anywhere in JSON."""
    match by.randrange(10):
        case 0:
            return [_odd_plain(by) for _ in range(by.randint(0, 3))]
        case 1:
            return {by.choice(ODD_TEXTS): _odd_plain(by) for _ in range(by.randint(0, 3))}
        case 2:
            return any_integer(by)
        case 3:
            return any_float(by)
        case 4:
            return any_text(by, 20)
    return _odd_plain(by)


def _odd_plain(by: Random) -> object:
    token = _RAW.format(by.randrange(len(ODD_TOKENS)))
    truth = by.choice((False, True))
    return by.choice((None, truth, by.choice(ODD_NUMBERS), by.choice(ODD_TEXTS), token))


@seeded
def mutated_json(by: Random, valid: Sequence[object]) -> bytes:
    """A valid value with one to three of its parts replaced, removed, added or repeated."""
    value = by.choice(valid)
    for _ in range(by.randint(1, 3)):
        value = _changed(by, value)
    text = json.dumps(value, ensure_ascii=by.choice((False, True)))
    if _RAW_BEGIN in text:
        for index, token in enumerate(ODD_TOKENS):
            text = text.replace(json.dumps(_RAW.format(index)), token)
    return text.encode("utf-8", "surrogatepass")


def _changed(by: Random, value: object) -> object:
    """`value` with one part changed, at any depth; the rest of it is the same object."""
    children: list[object] = (
        list(value) if isinstance(value, Mapping) else list(range(len(value)))
        if isinstance(value, list) else []
    )  # fmt: skip
    if not children or by.randrange(6) == 0:
        return odd_value(by)
    key = by.choice(children)
    if isinstance(value, list):
        index = int(str(key))
        changed = list(value)
        match by.choice(("into", "into", "into", "remove", "repeat")):
            case "remove":
                del changed[index]
            case "repeat":
                changed += [changed[index]] * by.randint(1, 40)
            case _:
                changed[index] = _changed(by, changed[index])
        return changed
    assert isinstance(value, dict)
    table = dict(value)
    match by.choice(("into", "into", "into", "remove", "rename", "add")):
        case "remove":
            del table[key]
        case "rename":
            table[by.choice(ODD_TEXTS)] = table.pop(key)
        case "add":
            table[by.choice(ODD_TEXTS)] = odd_value(by)
        case _:
            table[key] = _changed(by, table[key])
    return table


@seeded
def mutated_bytes(by: Random, valid: Sequence[bytes]) -> bytes:
    """A valid input with one to four runs of bytes replaced, removed, repeated or cut off."""
    return changed_bytes(by, by.choice(valid))


def changed_bytes(by: Random, data: bytes) -> bytes:
    """`data` so mutated."""
    ways = ("replace", "replace", "insert", "remove", "repeat", "cut")
    for _ in range(by.randint(1, 4)):
        new = by.choice((by.choice(ODD_BYTES), by.randbytes(by.randint(0, 12))))
        data = _edited(by, data, 40, new, by.choice(ways), 50)
    return data


@seeded
def mutated_text(by: Random, valid: Sequence[str]) -> str:
    """A valid text with one to three runs of characters replaced, removed or repeated."""
    return changed_text(by, by.choice(valid))


def changed_text(by: Random, text: str) -> str:
    """`text` so mutated."""
    ways = ("replace", "insert", "remove", "repeat")
    for _ in range(by.randint(1, 3)):
        new = by.choice((by.choice(ODD_TEXTS), any_text(by, 6), str(any_integer(by))))
        text = _edited(by, text, 8, new, by.choice(ways), 200)
    return text


def _edited(by: Random, whole: AnyStr, longest: int, new: AnyStr, way: str, repeats: int) -> AnyStr:
    """`whole` with a run of at most `longest` changed in one of the ways, into `new` or into
    itself up to `repeats` times."""
    start = by.randint(0, len(whole))
    end = min(len(whole), start + by.randint(0, longest))
    match way:
        case "insert":
            return whole[:start] + new + whole[start:]
        case "remove":
            return whole[:start] + whole[end:]
        case "repeat":
            return whole[:end] + whole[start:end] * by.randint(1, repeats) + whole[end:]
        case "cut":
            return whole[:start]
    return whole[:start] + new + whole[end:]


@seeded
def mutated_toml(by: Random, valid: Sequence[str]) -> bytes:
    """A valid TOML text with one to three lines given another value, removed, or twice there."""
    lines = by.choice(valid).splitlines()
    for _ in range(by.randint(1, 3)):
        index = by.randint(0, max(0, len(lines) - 1))
        line = lines[index] if lines else ""
        match by.choice(("value", "value", "value", "key", "remove", "repeat", "raw")):
            case "value":
                key, equals, _ = line.partition("=")
                value = by.choice((by.choice(ODD_TOML), str(any_integer(by)), repr(any_float(by))))
                lines[index : index + 1] = [f"{key}{equals or '= '} {value}"]
            case "key":
                _, equals, value = line.partition("=")
                lines[index : index + 1] = [f"{json.dumps(by.choice(ODD_TEXTS))} {equals}{value}"]
            case "remove":
                lines[index : index + 1] = []
            case "repeat":
                lines.insert(index, line)
            case _:
                lines[index : index + 1] = [changed_text(by, line or "x = 1")]
    return "\n".join(lines).encode("utf-8", "surrogatepass")
