"""HLO text as people paste it, text that is something else, and text that ends XLA's parser."""

import re

import pytest

from rooflink.profiling.compiled.hlo.proto import parse_module
from rooflink.profiling.compiled.hlo.text import hlo_text
from rooflink.profiling.errors import ProfileInputError

PROGRAM = """HloModule pasted, is_scheduled=true

ENTRY main {
  x = f32[1024]{0} parameter(0)
  ROOT y = f32[1024]{0} negate(x)
}
"""
LOG = "I0000 00:00:1715000000.123456    4711 dump.cc:123] "


def quoted(prefix: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in PROGRAM.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        PROGRAM,
        "\ufeff" + PROGRAM,
        PROGRAM.replace("\n", "\r\n"),
        f"```\n{PROGRAM}```\n",
        f"```hlo\n{PROGRAM}```\nand so on\n",
        f"~~~\n{PROGRAM}~~~\n",
        f"// from a dump\n\n{PROGRAM}",
        f"This is slow on our machine:\n\n```\n{PROGRAM}```\n\nAny ideas?\n",
        f"{PROGRAM}\nThat is all.\n",
        LOG + PROGRAM,
        quoted(LOG),
        quoted("> "),
        quoted("\x1b[32mINFO\x1b[0m "),
        f"> ```\n{quoted('> ')}> ```\n> Thanks\n",
        quoted("    "),
        quoted("[rank0]: "),
        quoted("(train pid=123) "),
        "".join(
            f"2026-05-06 12:34:5{n}.{n}00: I xla/service/dump.cc:{n}] {line}\n"
            for n, line in enumerate(PROGRAM.splitlines())
        ),
    ],
)
def test_what_surrounds_a_program_is_peeled_off(text: str) -> None:
    peeled = hlo_text(text.encode(), "file").strip()
    assert [line.strip() for line in peeled.splitlines()] == [
        line.strip() for line in PROGRAM.strip().splitlines()
    ]


def test_one_of_them_through_the_parser() -> None:
    assert parse_module(f"```\n{quoted('> ')}```\n".encode()).name == "pasted"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("module @jit_f attributes {mhlo.num_partitions = 1 : i32} {\n", "is StableHLO"),
        ("module {\n  func.func public @main(%arg0: tensor<4xf32>) {\n", "is StableHLO"),
        ("```mlir\n%0 = stablehlo.add %a, %b : tensor<4xf32>\n```", "is StableHLO"),
        ("ML\u00efR\x0dStableHLO_v1.0.0", "is MLIR bytecode"),
        ("{ lambda ; a:f32[4]. let b:f32[4] = sin a in (b,) }", "is a jaxpr"),
        ("; ModuleID = 'x'\ntarget triple = \"x86_64\"\n", "is LLVM IR"),
        ("//\n.version 8.3\n.target sm_90a\n", "is PTX"),
        (PROGRAM + PROGRAM, "holds 2 HLO modules"),
        ("hello\n", "is not an HLO program"),
    ],
)
def test_what_is_something_else_is_named(text: str, kind: str) -> None:
    with pytest.raises(ProfileInputError, match=rf"^file {kind}") as error:
        parse_module(text.encode("latin-1"), "file")
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("instruction", "says"),
    [
        ("ROOT y = s32[] tuple()", "SIGABRT: Check failed"),
        ("ROOT y = f32[8]{0:T(0)} constant({1,2,3,4,5,6,7,8})", "SIGABRT"),
        ("ROOT y = f32[900000000] constant({...})", "Failed to allocate"),
        ("ROOT y = f32[8] nonsense(1)", "Unknown opcode: nonsense"),
    ],
)
def test_text_that_ends_the_parser_does_not_end_us(instruction: str, says: str) -> None:
    """A contradiction that it takes for its own fault, and a constant of 3.6 GB."""
    text = f"HloModule bad\nENTRY main {{\n  {instruction}\n}}\n"
    with pytest.raises(ProfileInputError, match=rf"bad\.txt.*{re.escape(says)}"):
        parse_module(text.encode(), "bad.txt")
