"""HLO programs of any content: protobufs in this process, text up to XLA's parser and beyond."""

import os
from pathlib import Path
from random import Random

from fuzz_messages import mutated_message
from fuzzing import Reader, assert_reads_or_refuses, corpus, mutated_bytes, seeded
from hlo_text import proto_of_text
from hypothesis import given, settings

from rooflink.profiling.compiled.hlo.proto import HloModuleProto, HloProto, parse_module
from rooflink.profiling.compiled.hlo.text import hlo_text
from rooflink.profiling.compiled.traffic.traffic import ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic
from rooflink.profiling.compiled.xprof.op_metrics import matmul_flops

CASES = Path(__file__).parents[1] / "profiling/compiled/hlo/cases"
TEXTS = [path.read_bytes() for path in sorted(CASES.iterdir()) if path.stem != "unbounded_dynamic"]
PROTOS = [proto_of_text(text.decode()) for text in TEXTS]
FEW = int(os.environ.get("FUZZ_EXAMPLES", "200")) // 200  # each text starts a process

OPCODES = (
    "add", "async-done", "async-start", "async-update", "call", "collective-permute-done",
    "compare", "conditional", "constant", "convolution", "copy-done", "copy-start", "custom-call",
    "dot", "dynamic-slice", "dynamic-update-slice", "fusion", "gather", "get-tuple-element",
    "iota", "multiply", "opt-barrier", "pad", "parameter", "recv", "reduce", "scatter", "select",
    "send", "sort", "tuple", "while",
)  # fmt: skip


def traffic_of(data: bytes) -> ModuleTraffic:
    module = parse_module(data, "program.pb")
    matmul_flops(module)
    return module_traffic(module)


def text_of(data: bytes) -> str:
    return hlo_text(data, "program.txt")


READERS: dict[str, Reader] = {"hlo": traffic_of, "hlo_text": text_of}


@seeded
def mutated_programs(by: Random) -> bytes:
    proto = HloModuleProto.FromString(by.choice(PROTOS))
    mutated_message(by, proto, (*OPCODES, "", "\x1b[31m", "x" * 9999))
    return (HloProto(hlo_module=proto) if by.choice((False, True)) else proto).SerializeToString()


def sound(result: object) -> None:
    """No byte is negative, and every sum comes out."""
    assert isinstance(result, ModuleTraffic)
    assert result.hbm_bytes() >= 0
    assert result.upper_bounds is not None


def test_valid_programs_are_read() -> None:
    for data in PROTOS:
        assert assert_reads_or_refuses(traffic_of, data, sound) is not None


@given(mutated_programs())
def test_a_changed_program_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(traffic_of, data, sound)


@given(mutated_bytes(PROTOS))
def test_a_damaged_program_is_read_or_refused(data: bytes) -> None:
    if b"HloModule" not in data:  # text is for the tests below
        assert_reads_or_refuses(traffic_of, data, sound)


@given(mutated_bytes([*TEXTS, *corpus("hlo_text")]))
def test_text_is_found_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(text_of, data)


@settings(max_examples=max(2, FEW))
@given(mutated_bytes(TEXTS))
def test_text_is_parsed_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(traffic_of, data, sound)
