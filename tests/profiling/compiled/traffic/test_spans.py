"""What instructions touch of their operands, on programs small enough to count by hand."""

from hlo_text import module_of_text

from rooflink.profiling.compiled.traffic.traffic import InstructionTraffic, ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic

LAYER = 64 * 128 * 4  # bytes of one of eight layers of f32[8,64,128]


def traffic(body: str, **kinds: dict[int, str]) -> ModuleTraffic:
    return module_traffic(module_of_text("HloModule m\n" + body), **kinds)  # type: ignore[arg-type]


def row(result: ModuleTraffic, name: str) -> InstructionTraffic:
    (found,) = (row for row in result.rows if row.name == name)
    return found


SLICED = """
inner {
  stack = f32[8,64,128] parameter(0)
  i = s32[] parameter(1)
  zero = s32[] constant(0)
  one = f32[1,64,128] dynamic-slice(stack, i, zero, zero), dynamic_slice_sizes={1,64,128}
  ROOT flat = f32[64,128] bitcast(one)
}
relaid {
  stack = f32[8,64,128] parameter(0)
  ROOT again = f32[8,64,128] copy(stack)
}
outer {
  stack = f32[8,64,128] parameter(0)
  i = s32[] parameter(1)
  x = f32[64,128] parameter(2)
  other = f32[8,64,128] fusion(stack), kind=kLoop, calls=relaid
  layer = f32[64,128] fusion(other, i), kind=kLoop, calls=inner
  ROOT sum = f32[64,128] add(layer, x)
}
ENTRY main {
  stack = f32[8,64,128] parameter(0)
  i = s32[] parameter(1)
  x = f32[64,128] parameter(2)
  ROOT f = f32[64,128] fusion(stack, i, x), kind=kOutput, calls=outer
}
"""


def test_fusions_in_fusions_read_their_slice() -> None:
    """The layer and x are read, the sum is written; the whole-stack copy inside moves nothing."""
    result = traffic(SLICED)
    assert row(result, "f").bytes(direction="read") == 2 * LAYER + 4
    assert row(result, "f").bytes(direction="write") == LAYER


def test_a_slice_and_a_whole_use_read_it_all() -> None:
    program = SLICED.replace("ROOT sum = f32[64,128] add(layer, x)", (
        "zero = f32[] constant(0)\n"
        "all = f32[64,128] reduce(stack, zero), dimensions={0}, to_apply=plus\n"
        "ROOT sum = f32[64,128] add(layer, all)"
    ))  # fmt: skip
    plus = "plus { a = f32[] parameter(0)\n b = f32[] parameter(1)\n ROOT c = f32[] add(a, b) }\n"
    assert row(traffic(plus + program), "f").bytes(direction="read") == 8 * LAYER + 4


CHUNKED = """
chunk {
  w = f32[512,128] parameter(0)
  i = s32[] parameter(1)
  j = s32[] parameter(2)
  zero = s32[] constant(0)
  low = f32[] constant(-inf)
  before = f32[640,128] pad(w, low), padding=128_0x0_0
  behind = f32[640,128] pad(w, low), padding=0_128x0_0
  one = f32[64,128] dynamic-slice(before, i, zero), dynamic_slice_sizes={64,128}
  other = f32[64,128] dynamic-slice(behind, j, zero), dynamic_slice_sizes={64,128}
  ROOT both = f32[64,128] maximum(one, other)
}
ENTRY main {
  w = f32[512,128] parameter(0)
  i = s32[] parameter(1)
  j = s32[] parameter(2)
  ROOT f = f32[64,128] fusion(w, i, j), kind=kLoop, calls=chunk
}
"""


def test_chunks_of_a_padded_weight_are_not_the_whole_of_it() -> None:
    """A windowed einsum's fusion: two slices of 64 of the 640 padded rows, so a fifth of w."""
    read = row(traffic(CHUNKED), "f").bytes(direction="read")
    assert abs(read - (0.2 * 512 * 128 * 4 + 8)) <= 8


UPDATED = """
update {
  cache = f32[8,64,128] parameter(0)
  i = s32[] parameter(1)
  new = f32[1,1,128] parameter(2)
  zero = s32[] constant(0)
  put = f32[8,64,128] dynamic-update-slice(cache, new, i, zero, zero)
  ROOT out = (f32[8,64,128]) tuple(put)
}
ENTRY main {
  cache = f32[8,64,128] parameter(0)
  i = s32[] parameter(1)
  new = f32[1,1,128] parameter(2)
  f = (f32[8,64,128]) fusion(cache, i, new), kind=kLoop, calls=update
  ROOT out = f32[8,64,128] get-tuple-element(f), index=0
}
"""


def test_updates_in_place_write_the_update() -> None:
    result = traffic(UPDATED, parameter_kinds={0: "kv"})
    assert row(result, "f").bytes(kind="kv") == 128 * 4
    assert result.hbm_bytes(direction="read") == 128 * 4 + 4
    assert not result.copies


def test_updates_through_other_tiles_are_in_place() -> None:
    """As on tpu7x: the fusion sees the cache in tiles of 8 rows, in memory they are of 16."""
    here, seen = "{2,1,0:T(16,128)}", "{2,1,0:T(8,128)}"
    program = f"""
tiles {{ c = f32[8,64,128]{here} parameter(0)
  ROOT r = f32[8,64,128]{seen} copy(c) }}
update {{
  cache = f32[8,64,128]{here} parameter(0)
  i = s32[] parameter(1)
  new = f32[1,1,128] parameter(2)
  zero = s32[] constant(0)
  again = f32[8,64,128]{seen} fusion(cache), kind=kLoop, calls=tiles
  ROOT put = f32[8,64,128]{here} dynamic-update-slice(again, new, i, zero, zero)
}}
ENTRY main {{
  cache = f32[8,64,128]{here} parameter(0)
  i = s32[] parameter(1)
  new = f32[1,1,128] parameter(2)
  ROOT f = f32[8,64,128]{here} fusion(cache, i, new), kind=kLoop, calls=update
}}
"""
    result = traffic(program, parameter_kinds={0: "kv"})
    assert row(result, "f").bytes(kind="kv") == 16 * 128 * 4
    assert row(result, "f").bytes(kind="kv", padded=False) == 128 * 4
    assert not result.copies


def test_an_update_of_something_computed_writes_it_all() -> None:
    """The cache is converted on the way: there is no buffer to update in place."""
    program = UPDATED.replace(
        "put = f32[8,64,128] dynamic-update-slice(cache,",
        "changed = f32[8,64,128] negate(cache)\nput = f32[8,64,128] dynamic-update-slice(changed,",
    )
    result = traffic(program, parameter_kinds={0: "kv"})
    assert row(result, "f").bytes(direction="read") == 8 * LAYER + 128 * 4 + 4
    assert row(result, "f").bytes(direction="write") == 8 * LAYER


def test_a_known_copy_is_found_with_its_bytes() -> None:
    """A cache in another layout than its user's, tiled: 100 rows take 104 in one of them."""
    result = traffic(
        """
ENTRY main {
  cache = bf16[4,100,128]{2,1,0:T(8,128)(2,1)} parameter(0)
  weights = bf16[128,128]{1,0:T(8,128)(2,1)} parameter(1)
  near = bf16[128,128]{1,0:T(8,128)(2,1)S(1)} copy(weights)
  product = bf16[128,128]{1,0:T(8,128)(2,1)S(1)} multiply(near, near)
  moved = bf16[4,100,128]{2,0,1:T(4,128)(2,1)} copy(cache)
  ROOT out = (bf16[4,100,128], bf16[128,128]) tuple(moved, product)
}
""",
        parameter_kinds={0: "kv", 1: "weights"},
    )
    (copy,) = result.copies
    assert copy.name == "moved"
    assert copy.arguments == ("cache",)
    assert copy.bytes(kind="copy of kv", direction="read") == 4 * 104 * 128 * 2
    assert copy.bytes(kind="copy of kv", direction="write") == 100 * 4 * 128 * 2
    assert result.bytes_by_kind() == {
        "copy of kv": (416 + 400) * 128 * 2,
        "weights": 128 * 128 * 2,  # fetched to VMEM: read, not copied
    }
    assert result.bytes_by_space("write")["VMEM"] == 2 * 128 * 128 * 2


def test_the_branch_that_moves_most_stands_for_a_conditional() -> None:
    result = traffic("""
little { x = f32[64,128] parameter(0)
  ROOT y = f32[64,128] negate(x) }
much { x = f32[64,128] parameter(0)
  y = f32[64,128] negate(x)
  ROOT z = f32[64,128] add(y, x) }
ENTRY main {
  p = pred[] parameter(0)
  x = f32[64,128] parameter(1)
  ROOT y = f32[64,128] conditional(p, x, x), true_computation=little, false_computation=much
}
""")
    assert result.hbm_bytes() == 5 * LAYER


def test_an_async_copy_counts_once() -> None:
    result = traffic("""
ENTRY main {
  x = f32[64,128]{1,0:T(8,128)} parameter(0)
  s = (f32[64,128]{1,0:T(8,128)S(1)}, f32[64,128]{1,0:T(8,128)}, u32[]{:S(2)}) copy-start(x)
  ROOT y = f32[64,128]{1,0:T(8,128)S(1)} copy-done(s)
}
""")
    assert result.bytes_by_space() == {"HBM": LAYER, "VMEM": LAYER}


CALLS = """
ENTRY main {
  x = f32[64,128] parameter(0)
  known = f32[64,128] custom-call(x), custom_call_target="tpu_custom_call", backend_config=CONFIG
  ROOT y = f32[64,128] custom-call(known), custom_call_target="mystery"
}
"""


def test_custom_calls_by_their_estimate_or_named_as_unknown() -> None:
    config = '{"custom_call_config":{"cost_estimate":{"flops":"1","bytes_accessed":"131072"}}}'
    result = traffic(CALLS.replace("CONFIG", config))
    assert row(result, "known").bytes() == 131072
    (unknown,) = result.unknown_calls
    assert (unknown.name, unknown.target) == ("y", "mystery")
    assert unknown.counted_bytes == row(result, "y").bytes() == 2 * LAYER
    assert result.stated_bytes == 131072


def test_collectives() -> None:
    result = traffic("""
plus { a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b) }
ENTRY main {
  x = f32[64,128] parameter(0)
  r = f32[64,128] all-reduce(x), channel_id=3, replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=plus
  ROOT g = f32[256,128] all-gather(r), channel_id=4, replica_groups=[2,4]<=[8], dimensions={0}
}
""")
    reduce, gather = result.collectives
    assert (reduce.opcode, reduce.groups, reduce.group_size, reduce.channel) == (
        "all-reduce", 2, 4, 3,
    )  # fmt: skip
    assert (gather.groups, gather.group_size) == (2, 4)
    assert (gather.operand_bytes, gather.result_bytes) == (LAYER, 4 * LAYER)
    assert result.bytes_by_kind() == {"collectives": 7 * LAYER}
