"""HLO text as it is pasted: found in what surrounds it, and read by XLA's own parser.

The parser is C++ that ends its process where a text contradicts itself, so it runs in a process of
its own, with bounded memory and time.
"""

import re
import subprocess
import sys

from ...backend import child_environment
from ...errors import ProfileInputError
from ..compiler_failures import end_of

MOST_PARSER_BYTES = 1 << 30
"""Of memory that the parser may take: text that elides a constant makes it anew, whole."""
_LEAST_S, _BYTES_PER_S = 10.0, 1 << 20

_PARSER = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({MOST_PARSER_BYTES}, {MOST_PARSER_BYTES}))
from jaxlib import _hlo
try:
    module = _hlo.hlo_module_from_text(sys.stdin.buffer.read().decode())
except (RuntimeError, ValueError) as error:
    sys.exit("refused: " + " ".join(str(error).split()))
sys.stdout.buffer.write(module.as_serialized_hlo_module_proto())
"""

_MODULE = re.compile(r"^(?P<before>.{0,300}?)HloModule [^\s,]", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FENCE = re.compile(r"^\s*(```|~~~)")
_OTHERS = (
    (re.compile(r"^(ML\xefR|\x4d\x4c\ufffdR)"), "MLIR bytecode (StableHLO, perhaps)"),
    (re.compile(r"\b(stablehlo|mhlo|vhlo|chlo)\.\w+|^[ \t]*module @\S+ .*\{|func\.func ", re.M),
     "StableHLO"),
    (re.compile(r"^[ \t]*\{ lambda ", re.M), "a jaxpr"),
    (re.compile(r"^; ModuleID|^define .*@\w+\(|^target triple", re.M), "LLVM IR"),
    (re.compile(r"^\.version \d|^\.target sm_", re.M), "PTX"),
)  # fmt: skip


def is_text(data: bytes) -> bool:
    """Whether the bytes are text rather than a protobuf, going by their beginning."""
    head = data[:4096]
    return b"\0" not in head and not any(byte < 9 for byte in head)


def hlo_text(data: bytes, name: str) -> str:
    """The HLO module in a text: without a byte order mark, the fence of a code block around it, or
    the prefix that a log or a quotation puts before its lines.

    Raises ProfileInputError for text that holds none, naming what it is instead, or several.
    """
    text = _COLOURS.sub("", data.decode("utf-8-sig", "replace")).replace("\r\n", "\n")
    found = list(_MODULE.finditer(text))
    if not found:
        for pattern, kind in _OTHERS:
            if pattern.search(text[:65536]):
                raise ProfileInputError(
                    f"{name} is {kind}, not the HLO that XLA made of it: {HOW_TO_SAVE}"
                )
        raise ProfileInputError(f"{name} is not an HLO program: {HOW_TO_SAVE}")
    if len(found) > 1:
        raise ProfileInputError(f"{name} holds {len(found)} HLO modules: give one at a time")
    lines = text[found[0].start() :].split("\n")
    if before := found[0]["before"]:
        prefix = re.compile(re.sub(r"\d+", r"\\d+", re.escape(before)))
        lines = [prefix.sub("", line, count=1) if prefix.match(line) else line for line in lines]
    end = next((n for n, line in enumerate(lines) if _FENCE.match(line)), len(lines))
    closing = [n for n, line in enumerate(lines[:end]) if line.startswith("}")]
    return "\n".join(lines[: closing[-1] + 1] if closing else lines[:end]) + "\n"


def proto_of(text: str, name: str) -> bytes:
    """The serialised HloModuleProto of HLO text. Raises ProfileInputError for what the parser that
    jaxlib ships does not read."""
    data = text.encode()
    try:
        done = subprocess.run(
            (sys.executable, "-c", _PARSER), input=data, capture_output=True,
            env=child_environment({}), timeout=_LEAST_S + len(data) / _BYTES_PER_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ProfileInputError(f"{name} keeps XLA's parser of HLO text busy: {AS_PROTO}") from None
    if done.returncode == 0:
        return done.stdout
    log = done.stderr.decode(errors="replace")
    refused = log.partition("refused: ")[2].replace(_PREFACE, "")
    reason = refused or f"its parser {end_of(done.returncode, log)}"
    raise ProfileInputError(
        f"{name} is not HLO text that this jaxlib can read ({reason[:_LONGEST]}): {AS_PROTO}"
    )


_LONGEST = 100
_PREFACE = "INVALID_ARGUMENT: Syntax error when trying to parse the text as a HloModule: "
AS_PROTO = "save the program as a protobuf, or use the jaxlib that wrote it"
HOW_TO_SAVE = (
    "save one with `jax.jit(f).lower(...).compile()`, then `.as_text()`, or with "
    "XLA_FLAGS='--xla_dump_to=DIR --xla_dump_hlo_as_proto'"
)
