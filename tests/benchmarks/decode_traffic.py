"""What a decode program moves in HBM, ours and other people's, each compiled for a TPU slice.

    python tests/benchmarks/decode_traffic.py [--topology v5e:2x4] [--batch 16] [--context 4096]

Nothing runs and nothing is allocated: programs are compiled ahead of time by libtpu, bfloat16, and
read by `module_traffic`, ours and the peers' by the same code. A row is a program: bytes that one
device reads and writes for a token of every sequence, and their ratio to the counted minimum, which
is the same for all: every weight once and the KV of the whole context once, split over the devices
(of the embedding table, which only lends a row, nothing).

  rooflink, think loop     64 tokens in one program; compiler-chosen layouts of weights and cache
  rooflink, step, chosen   one token a call, in the layouts that the think loop has
  rooflink, step, default  one token a call, in JAX's default layouts at the program's border
  tunix, decode loop       google-tunix, Flax NNX: Llama3 under Sampler's own decode function, 64
                           tokens in its own while loop; its trips depend on data, counted as 64
  tunix, step              one turn of that loop as a program, cache donated
  transformers, step       transformers 4, Flax Linen: FlaxLlamaForCausalLM and argmax, one token a
                           call, cache donated. It has no tensor parallelism of its own, so it is
                           compiled for one device and few layers; our rows at that shape stand
                           beside it. Its rotation has no Llama 3 scaling, which moves nothing.

Tunix is split by its own `ShardingConfig` (is_sampling=True), its cache by the rule that it has
for keys and values. Peers are those of the interpreter that runs this (they do not go together:
one environment for each); what it lacks is skipped. Each peer compiles in its own process.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest.mock import patch

if __name__ == "__main__":  # before jax is imported
    os.environ |= {
        "TPU_SKIP_MDS_QUERY": "1",
        "JAX_PLATFORMS": "cpu",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_ACCELERATOR_TYPE": "",
    }

import jax
import jax.numpy as jnp
import numpy as np
from jax import ShapeDtypeStruct
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from rooflink.model import preset
from rooflink.model.config import ModelInputError
from rooflink.profiling.compiled.cache import default_store, program_key
from rooflink.profiling.compiled.compile import compile_target
from rooflink.profiling.compiled.hlo.proto import parse_module
from rooflink.profiling.compiled.lens import data_trips, traffic_of
from rooflink.profiling.compiled.spec import Layouts, ProgramSpec, parse_target
from rooflink.profiling.compiled.traffic.traffic import ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic
from rooflink.profiling.compiled.worker import compile_program
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.errors import ProfileInputError

MODEL = "llama3-8b"
TOKENS = 64
FEW_LAYERS = 4
OURS: tuple[tuple[str, str, Layouts], ...] = (
    ("rooflink, think loop", "think", "chosen"),
    ("rooflink, step, chosen layouts", "step", "chosen"),
    ("rooflink, step, default layouts", "step", "default"),
)


@dataclass(frozen=True)
class Row:
    """What one device moves for a token of every sequence."""

    name: str
    read_bytes: float
    written_bytes: float
    note: str = ""


class Program(NamedTuple):
    """A peer's program, lowered; `tokens` of every sequence come out of a call."""

    name: str
    lowered: jax.stages.Lowered
    tokens: int


@dataclass(frozen=True)
class Peer:
    """A public decode implementation, and the shape at which it is compiled."""

    install: str
    programs: Callable[[ProgramSpec], Iterator[Program]]
    one_device: bool = False


def main() -> None:
    options = arguments()
    try:
        compare(options)
    except (ProfileInputError, ModelInputError) as error:
        sys.exit(str(error))


def compare(options: argparse.Namespace) -> None:
    """Both tables; or, in a peer's own process, its answer alone."""
    spec = ProgramSpec(
        preset(MODEL),
        "bfloat16",
        parse_target(options.topology),
        batch=options.batch,
        context=options.context,
        think_steps=TOKENS,
    )
    if options.peer:
        peer = PEERS[options.peer]
        shape = few_layers(spec) if peer.one_device else spec
        print(json.dumps(peer_answer(peer, shape)))
        return
    show(spec, [name for name, peer in PEERS.items() if not peer.one_device])
    small = few_layers(spec)
    if small.target.devices == 1:
        show(small, [name for name, peer in PEERS.items() if peer.one_device])
    else:
        print(f"\none-device rows left out: {small.target.name} has {small.target.devices} devices")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--topology", default="v5e:2x4")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)  # the process of a peer
    return parser.parse_args()


def show(spec: ProgramSpec, peers: list[str]) -> None:
    """The table of one shape, printed row by row."""
    least = minimum_bytes(spec)
    print(
        f"\n{spec.config.name}, {spec.config.layers} layers, {spec.dtype}, {spec.target.name}, "
        f"batch {spec.batch}, context {spec.context}: "
        f"counted minimum {least / 1e9:.3f} GB a device and token"
    )
    print(f"{'program':<34}{'GB read':>9}{'written':>9}{'of minimum':>12}")
    for ours in OURS:
        show_row(our_row(spec, *ours), least)
    for name in peers:
        for row in peer_rows(name, spec):
            show_row(row, least)


def show_row(row: Row, least: float) -> None:
    ratio = (row.read_bytes + row.written_bytes) / least
    note = f"  {row.note}" if row.note else ""
    print(
        f"{row.name:<34}{row.read_bytes / 1e9:>9.3f}{row.written_bytes / 1e9:>9.3f}"
        f"{ratio:>12.2f}{note}",
        flush=True,
    )


def minimum_bytes(spec: ProgramSpec) -> float:
    """Weights once and KV of the full context once, for one device."""
    unit = unit_costs(spec.config, spec.dtype)
    kv_bytes = spec.batch * spec.context * unit.kv_bytes
    return unit.pass_weight_bytes / spec.split.model + kv_bytes / spec.split.devices


def few_layers(spec: ProgramSpec) -> ProgramSpec:
    """The same widths with few layers, for one chip of the same generation."""
    one_chip = spec.target.chip or "cpu"
    config = dataclasses.replace(spec.config, layers=FEW_LAYERS)
    return dataclasses.replace(spec, config=config, target=parse_target(one_chip))


def our_row(spec: ProgramSpec, name: str, phase: str, layouts: Layouts) -> Row:
    wanted = dataclasses.replace(spec, phases=(phase,), layouts=layouts)
    compile_target(wanted)
    program = default_store().get(program_key(wanted, phase))
    assert program is not None
    trips = data_trips(wanted, phase)
    traffic = traffic_of(program.module, phase, program.parameters, trips)
    return row_of(name, traffic, spec.passes(phase))


def row_of(name: str, traffic: ModuleTraffic, tokens: int) -> Row:
    """Bytes a token, with what the reading could not see."""
    doubts = [
        *(f"loop {loop.name} counted once" for loop in traffic.unresolved_loops),
        *(f"unknown call {call.target}" for call in traffic.unknown_calls),
    ]
    read, written = (traffic.hbm_bytes(direction=side) / tokens for side in ("read", "write"))
    return Row(name, read, written, "; ".join(doubts))


def peer_rows(name: str, spec: ProgramSpec) -> list[Row]:
    """A peer's rows out of a process of its own; none, and a line, where there is no such peer."""
    command = [sys.executable, __file__, *sys.argv[1:], "--peer", name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{name}: does not compile for {spec.target.name}: {last[:200]}")
        return []
    answer = json.loads(done.stdout.splitlines()[-1])
    if "missing" in answer:
        print(f"{name}: skipped, not installed here: pip install '{PEERS[name].install}'")
        return []
    return [Row(**row) for row in answer["rows"]]


def peer_answer(peer: Peer, spec: ProgramSpec) -> dict[str, Any]:
    """What the peer's process says: its rows, or that the peer is not there."""
    try:
        rows = [peer_row(program) for program in peer.programs(spec)]
    except ImportError as error:
        return {"missing": str(error)}
    return {"rows": [dataclasses.asdict(row) for row in rows]}


def peer_row(program: Program) -> Row:
    """A peer's program compiled and read; a decode loop that ends on data makes all its tokens."""
    _, proto, _ = compile_program(program.lowered, dump=True)
    module = parse_module(proto, program.name)
    traffic = module_traffic(module)
    if program.tokens > 1:
        (decode_loop,) = traffic.unresolved_loops
        traffic = module_traffic(module, trips={decode_loop.name: program.tokens})
    return row_of(program.name, traffic, program.tokens)


def slice_devices(spec: ProgramSpec) -> list[Any]:
    """Devices of a topology that only the compiler knows."""
    found = topologies.get_topology_desc(platform="tpu", topology_name=spec.target.topology)
    return list(found.devices)


def abstract(tree: Any, sharding: Any, dtype: Any = None) -> Any:
    """Shapes of `tree`, all placed alike."""
    return jax.tree.map(
        lambda leaf: ShapeDtypeStruct(leaf.shape, dtype or leaf.dtype, sharding=sharding), tree
    )


class Marks:
    """The tokenizer that Tunix's Sampler asks for the ids of its marks, and nothing else."""

    def pad_id(self) -> int:
        return 0

    def bos_id(self) -> int:
        return 1

    def eos_id(self) -> int:
        return 2

    def encode(self, text: str) -> list[int]:
        raise NotImplementedError(text)

    def decode(self, ids: list[int]) -> str:
        raise NotImplementedError(ids)


def tunix_programs(spec: ProgramSpec) -> Iterator[Program]:
    """google-tunix: Llama3 (Flax NNX) under its own Sampler, tensor parallel by its own rules."""
    from tunix.models.llama3.model import ShardingConfig

    devices = slice_devices(spec)
    mesh = Mesh(np.array(devices).reshape(spec.split.data, spec.split.model), ("fsdp", "tp"))
    rules = ShardingConfig.get_default_sharding(is_sampling=True)
    sampler = tunix_sampler(spec, mesh, rules)
    state = tunix_state(sampler, spec, mesh, rules)
    # Its sharding constraints ask for the mesh in force, and do nothing where JAX's own devices
    # are a CPU: it is traced as on the slice.
    with mesh, patch.object(jax, "devices", lambda *_: devices):
        loop = sampler._compiled_decode_fn
        step = jax.jit(sampler._sample_step, donate_argnums=1)
        weights = sampler._flattened_transformer_state
        yield Program("tunix, decode loop", loop.lower(weights, state), TOKENS)
        yield Program("tunix, step", step.lower(weights, state), 1)


def tunix_sampler(spec: ProgramSpec, mesh: Mesh, rules: Any) -> Any:
    """Its Sampler around a model of shapes."""
    from flax import nnx
    from tunix.generate.sampler import CacheConfig, Sampler
    from tunix.models.llama3.model import Llama3, ModelConfig

    own = spec.config
    config = ModelConfig(
        num_layers=own.layers,
        vocab_size=own.vocab_size,
        embed_dim=own.embed_dim,
        hidden_dim=own.mlp_dim,
        num_heads=own.query_heads,
        head_dim=own.head_dim,
        num_kv_heads=own.kv_heads,
        rope_theta=int(own.rope_theta),
        norm_eps=own.norm_eps,
        weight_tying=own.tied_embeddings,
        shd_config=rules,
    )
    model = nnx.eval_shape(lambda: Llama3(config, rngs=nnx.Rngs(0)))
    state = nnx.variables(model)
    placed = jax.tree.map(
        lambda leaf, sharding: ShapeDtypeStruct(
            leaf.shape, jnp.dtype(spec.dtype), sharding=sharding
        ),
        state,
        nnx.get_named_sharding(state, mesh),
    )
    nnx.update(model, placed)
    cache = CacheConfig(spec.context, own.layers, own.kv_heads, own.head_dim)
    sampler = Sampler(model, Marks(), cache)
    sampler.eos_ids = np.array([Marks().eos_id()], np.int32)
    return sampler


def tunix_state(sampler: Any, spec: ProgramSpec, mesh: Mesh, rules: Any) -> Any:
    """Shapes of the sampling state in which TOKENS are left to decode."""
    prompt = spec.context - TOKENS

    def initial(ids: jax.Array, seed: jax.Array) -> Any:
        state = sampler.init_sample_state(
            ids,
            total_sampling_steps=spec.context,
            include_logits=False,
            forbidden_token_ids=None,
            temperature=0.0,
            top_p=None,
            top_k=None,
            seed=seed,
            beam_size=None,
        )
        # Static to jit, though it makes an array of it.
        return dataclasses.replace(state, num_input_tokens=prompt)

    ids = ShapeDtypeStruct((spec.batch, prompt), jnp.int32)
    state = jax.eval_shape(initial, ids, ShapeDtypeStruct((2,), jnp.uint32))
    heads = NamedSharding(mesh, PartitionSpec(*rules.act_btnh))
    cache = {
        layer: {
            name: abstract(leaf, heads if leaf.ndim == 4 else NamedSharding(mesh, PartitionSpec()))
            for name, leaf in tensors.items()
        }
        for layer, tensors in state.cache.items()
    }
    everywhere = abstract(state, NamedSharding(mesh, PartitionSpec()))
    return dataclasses.replace(everywhere, cache=cache)


def transformers_programs(spec: ProgramSpec) -> Iterator[Program]:
    """transformers 4: FlaxLlamaForCausalLM (Flax Linen) on one device."""
    from transformers import FlaxLlamaForCausalLM

    dtype, where = jnp.dtype(spec.dtype), SingleDeviceSharding(slice_devices(spec)[0])
    model = FlaxLlamaForCausalLM(transformers_config(spec), dtype=dtype, _do_init=False)
    seed = ShapeDtypeStruct((2,), jnp.uint32)
    weights = jax.eval_shape(lambda key: model.init_weights(key, (1, 1)), seed)
    cache = jax.eval_shape(lambda: model.init_cache(spec.batch, spec.context))
    token = abstract(ShapeDtypeStruct((spec.batch, 1), jnp.int32), where)
    mask = abstract(ShapeDtypeStruct((spec.batch, spec.context), jnp.int32), where)

    def step(weights: Any, cache: Any, token: Any, mask: Any, position: Any) -> Any:
        found = model(
            token,
            params=weights,
            past_key_values=cache,
            attention_mask=mask,
            position_ids=position,
        )
        return jnp.argmax(found.logits[:, -1:], axis=-1), found.past_key_values

    lowered = jax.jit(step, donate_argnums=1).lower(
        abstract(weights, where, dtype), abstract(cache, where), token, mask, token
    )
    yield Program("transformers, step", lowered, 1)


def transformers_config(spec: ProgramSpec) -> Any:
    from transformers import LlamaConfig

    own = spec.config
    return LlamaConfig(
        vocab_size=own.vocab_size,
        hidden_size=own.embed_dim,
        intermediate_size=own.mlp_dim,
        num_hidden_layers=own.layers,
        num_attention_heads=own.query_heads,
        num_key_value_heads=own.kv_heads,
        max_position_embeddings=spec.context,
        rms_norm_eps=own.norm_eps,
        rope_theta=own.rope_theta,
        tie_word_embeddings=own.tied_embeddings,
    )


PEERS = {
    "tunix": Peer("google-tunix", tunix_programs),
    "transformers": Peer("transformers<5", transformers_programs, one_device=True),
}

if __name__ == "__main__":
    main()
