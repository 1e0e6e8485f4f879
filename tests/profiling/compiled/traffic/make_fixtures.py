"""Makes the compiled programs in fixtures/: `python make_fixtures.py` in this folder, with libtpu.

libtpu's environment must be set before JAX is imported, and only in a process of its own.
"""

import gzip
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.update(TPU_SKIP_MDS_QUERY="1", JAX_PLATFORMS="cpu", ALLOW_MULTIPLE_LIBTPU_LOAD="1")

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from rooflink.model.config import ModelConfig
from rooflink.model.generation.decode_loop import decode_program, prompt_program
from rooflink.model.generation.generate import endings_of
from rooflink.model.generation.stopping import AnswerFormat, ThoughtRules
from rooflink.model.sampling import Greedy
from rooflink.model.transformer import abstract_transformer

# A stack of weights is 128 MiB: more than v5e could prefetch to its VMEM as a whole.
L, D, F, S, STEPS = 4, 2048, 8192, 1024, 8
BF16 = jnp.bfloat16

TINY = ModelConfig(
    name="tiny", family="llama", layers=4, embed_dim=1024, query_heads=32, kv_heads=8,
    head_dim=128, mlp_dim=4096, vocab_size=4096, context_length=4096, rope_theta=1e4,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip
RULES = ThoughtRules(
    think_budget=512, answer_budget=16, markers=((5, 6),), cue=(7, 8, 9), end_tokens=(2,)
)


def layer(x: Array, up: Array, down: Array) -> Array:
    """One MLP block: x [8, D], up [D, F], down [F, D]."""
    with jax.named_scope("mlp"):
        return x + jax.nn.relu(x @ up) @ down


def scanned(up: Array, down: Array, x: Array) -> Array:
    """L layers in a scan over stacked weights."""
    return jax.lax.scan(lambda x, w: (layer(x, *w), None), x, (up, down))[0]


def unrolled(up: Array, down: Array, x: Array) -> Array:
    """The same layers one after another."""
    for index in range(L):
        x = layer(x, up[index], down[index])
    return x


def nested(up: Array, down: Array, cache: Array, x: Array) -> Any:
    """STEPS steps of L layers; each writes row `step` of its cache [L, S, D] and reads it all."""

    def step(carry: Any, index: Array) -> Any:
        def one(carry: Any, inputs: Any) -> Any:
            x, cache, number = carry
            up, down = inputs
            with jax.named_scope("attention"):
                cache = jax.lax.dynamic_update_slice(cache, x[None, :1], (number, index, 0))
                scores = jax.nn.softmax((x @ cache[number].T).astype(jnp.float32))
                x = x + scores.astype(BF16) @ cache[number]
            return (layer(x, up, down), cache, number + 1), None

        x, cache = carry
        with jax.named_scope("layers"):
            (x, cache, _), _ = jax.lax.scan(one, (x, cache, jnp.int32(0)), (up, down))
        return (x, cache), None

    with jax.named_scope("think"):
        return jax.lax.scan(step, (x, cache), jnp.arange(STEPS))[0]


def compiled(
    topology: str, function: Any, *arguments: Any, donate: tuple[int, ...] = ()
) -> tuple[Any, bytes]:
    """`function` compiled for one device of `topology`, and the program as libtpu dumps it."""
    device = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[0]
    place = SingleDeviceSharding(device)
    here = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place), arguments)
    with tempfile.TemporaryDirectory() as dump:
        jitted = (
            function if hasattr(function, "lower") else jax.jit(function, donate_argnums=donate)
        )
        program = jitted.lower(*here).compile(
            compiler_options={"xla_dump_to": dump, "xla_dump_hlo_as_proto": True}
        )
        (proto,) = Path(dump).glob("*after_codegen.hlo.pb")
        return program, proto.read_bytes()


def thinking(topology: str) -> tuple[Any, bytes]:
    """The project's own think loop, 8 steps of a tiny Llama after 128 prompt tokens."""
    model = abstract_transformer(TINY, BF16)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), (1, 1)))
    answer_format = AnswerFormat(RULES, decode=lambda tokens: "")
    endings = jax.tree.map(jnp.asarray, endings_of(answer_format, thinking=True, cued=True))
    state = jax.eval_shape(
        lambda *a: prompt_program(*a, endings, Greedy(), RULES), model,
        jax.ShapeDtypeStruct((1, 128), jnp.int32), jax.ShapeDtypeStruct((1,), jnp.int32), keys,
    )  # fmt: skip

    def think(model: Any, state: Any) -> Any:
        with jax.named_scope("think"):
            return decode_program(model, state, endings, Greedy(), STEPS)

    return compiled(topology, jax.jit(think, donate_argnums=1), model, state)


def main(folder: Path) -> None:
    """Write every fixture."""
    array = jax.ShapeDtypeStruct
    weights = array((L, D, F), BF16), array((L, F, D), BF16)
    x, cache = array((8, D), BF16), array((L, S, D), BF16)
    header = (
        "// Made by make_fixtures.py, {what}, jax {jax}, libtpu {libtpu}:\n"
        "// stacked weights up [4,2048,8192] and down [4,8192,2048], x [8,2048]{more}, all bf16.\n"
    )
    for name, function, arguments, more in (
        ("scanned", scanned, (*weights, x), ""),
        ("unrolled", unrolled, (*weights, x), ""),
        ("nested", nested, (*weights, cache, x), ", cache [4,1024,2048] donated, 8 steps"),
    ):
        program, _ = compiled(
            "v5e:2x2", function, *arguments, donate=(2,) if name == "nested" else ()
        )
        head = header.format(
            what=f"`{name}` for v5e:2x2", jax=jax.__version__, libtpu=version("libtpu"), more=more
        )
        (folder / f"{name}_v5e.hlo").write_text(head + program.as_text())
    for topology in ("v5e:2x2", "tpu7x:2x2x1"):
        _, proto = thinking(topology)
        path = folder / f"think_{topology.split(':')[0]}.pb.gz"
        path.write_bytes(gzip.compress(proto, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "fixtures")
