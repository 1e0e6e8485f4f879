"""Protobufs that contradict themselves, or would take too long: one sentence each."""

import gzip

import pytest
from hlo_text import proto_of_text

from rooflink.profiling.compiled.hlo.building import MOST_INSTRUCTIONS
from rooflink.profiling.compiled.hlo.proto import MOST_BYTES, HloModuleProto, parse_module
from rooflink.profiling.compiled.protobuf import Message
from rooflink.profiling.compiled.traffic.walk import module_traffic
from rooflink.profiling.errors import ProfileInputError

LOOP = """HloModule damaged
body { p = (s32[], f32[8]) parameter(0)
  i = s32[] get-tuple-element(p), index=0
  x = f32[8]{0} get-tuple-element(p), index=1
  one = s32[] constant(1)
  n = s32[] add(i, one)
  y = f32[8]{0} negate(x)
  ROOT t = (s32[], f32[8]) tuple(n, y) }
cond { p = (s32[], f32[8]) parameter(0)
  i = s32[] get-tuple-element(p), index=0
  seven = s32[] constant(7)
  ROOT c = pred[] compare(i, seven), direction=LT }
ENTRY main {
  x = f32[8]{0:T(8)} parameter(0)
  zero = s32[] constant(0)
  t = (s32[], f32[8]) tuple(zero, x)
  loop = (s32[], f32[8]) while(t), condition=cond, body=body
  ROOT out = f32[8]{0} get-tuple-element(loop), index=1
}
"""


def refused(proto: Message) -> str:
    with pytest.raises(ProfileInputError) as error:
        parse_module(proto.SerializeToString(), "it")
    return str(error.value)


@pytest.mark.parametrize(
    ("opcode", "field", "value", "says"),
    [
        ("get-tuple-element", "tuple_index", 7, "takes element 7 of 2"),
        ("get-tuple-element", "tuple_index", -1, "takes element -1 of 2"),
        ("while", "called_computation_ids", [], "calls 0 computations"),
        ("add", "operand_ids", [], "has 0 operands"),
        ("tuple", "operand_ids", [], "another shape than what it is made of"),
        ("parameter", "parameter_number", 3, "are not numbered from 0"),
        ("while", "opcode", "fusion", "calls 2 computations"),
        ("while", "opcode", "conditional", "has 1 operands for 2 branches"),
        ("add", "opcode", "copy-start", "a result of 0 parts"),
        ("add", "opcode", "async-done", "waits for get-tuple-element"),
        ("negate", "opcode", "convolution", "has 1 operands"),
        ("add", "opcode", "scatter", "has 2 operands"),
    ],
)
def test_an_instruction_that_cannot_be(opcode: str, field: str, value: object, says: str) -> None:
    proto = HloModuleProto.FromString(proto_of_text(LOOP))
    instructions = [one for computation in proto.computations for one in computation.instructions]
    one = next(one for one in instructions if one.opcode == opcode)
    if isinstance(value, list):
        del getattr(one, field)[:]
        getattr(one, field).extend(value)
    else:
        setattr(one, field, value)
    assert says in refused(proto)


@pytest.mark.parametrize(
    ("dimensions", "tile", "says"),
    [
        ([-(2**63)], [8], "f32[?], whose size is not in the program"),
        ([-5], [8], "an array is f32[-5]"),
        ([2**62], [8], "an array is f32["),
        ([8], [0], "a tile has a side below 1"),
        ([8], [-3], "a tile has a side below 1"),
        ([8], [2**61], "the tiles of f32[8] are too large"),
    ],
)
def test_a_size_that_cannot_be(dimensions: list[int], tile: list[int], says: str) -> None:
    proto = HloModuleProto.FromString(proto_of_text(LOOP))
    entry = next(one for one in proto.computations if one.id == proto.entry_computation_id)
    shape = next(one.shape for one in entry.instructions if one.opcode == "parameter")
    del shape.dimensions[:]
    shape.dimensions.extend(dimensions)
    del shape.layout.tiles[0].dimensions[:]
    shape.layout.tiles[0].dimensions.extend(tile)
    assert says in refused(proto)


def chain(length: int, opcode: str = "add") -> list[dict[str, object]]:
    """A parameter, and so many operations, each on the one before."""
    shape = {"element_type": 11, "dimensions": [8]}
    start = {"name": "p", "opcode": "parameter", "shape": shape, "id": 0}
    operations = (
        {"name": f"i{n}", "opcode": opcode, "shape": shape, "id": n, "operand_ids": [n - 1, n - 1]}
        for n in range(1, length)
    )
    return [start, *operations]


def module(*computations: list[dict[str, object]]) -> Message:
    """Computations of these instructions, the last one being the entry."""
    numbered = [
        {"name": f"c{n}", "id": n, "root_id": len(rows) - 1, "instructions": rows}
        for n, rows in enumerate(computations)
    ]
    return HloModuleProto(name="m", computations=numbered, entry_computation_id=len(numbered) - 1)


def calling(number: int, times: int, opcode: str = "call") -> list[dict[str, object]]:
    """Calls the computation of that number so often."""
    rows = chain(times + 1, opcode)
    return [rows[0], *({**row, "operand_ids": [n], "called_computation_ids": [number]}
                       for n, row in enumerate(rows[1:]))]  # fmt: skip


def test_a_long_chain_in_a_fusion_is_read() -> None:
    """Each use of it leads to the next: 2,000 of them were too deep for Python."""
    proto = module(chain(2000), calling(0, 1, "fusion"))
    assert module_traffic(parse_module(proto.SerializeToString())).hbm_bytes() == 2 * 8 * 4


def test_calls_that_double() -> None:
    proto = module(chain(2), *(calling(n, 2) for n in range(40)))
    assert "expand to more than" in refused(proto)


def test_calls_and_fusions_inside_one_another() -> None:
    assert "call one another" in refused(module(chain(2), *(calling(n, 1) for n in range(99))))
    nested = module(chain(2), *(calling(n, 1, "fusion") for n in range(20)))
    assert "fusions are inside one another" in refused(nested)


def test_too_many_instructions() -> None:
    assert "more than 80,000 instructions" in refused(module(chain(MOST_INSTRUCTIONS + 1)))


def test_a_small_file_that_unpacks_to_a_large_one() -> None:
    bomb = gzip.compress(b"\0" * (MOST_BYTES + 1))
    assert len(bomb) < 100_000
    with pytest.raises(ProfileInputError, match="unpacks to more than 64 MiB"):
        parse_module(bomb, "bomb.gz")
