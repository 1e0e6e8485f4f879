"""One program in every form in which it can come, and files that hold none."""

import gzip
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from rooflink.profiling.compiled.hlo.module import Module
from rooflink.profiling.compiled.hlo.proto import (
    HloModuleProto,
    HloProto,
    parse_module,
    read_module,
)
from rooflink.profiling.errors import ProfileInputError


def loop(x: jax.Array) -> jax.Array:
    with jax.named_scope("mlp"):
        return jax.lax.fori_loop(0, 5, lambda _, y: jnp.sin(y @ x), x)


@pytest.fixture(scope="module")
def compiled() -> jax.stages.Compiled:
    return jax.jit(loop).lower(jax.ShapeDtypeStruct((16, 16), jnp.float32)).compile()


@pytest.fixture(scope="module")
def proto(compiled: jax.stages.Compiled) -> bytes:
    executable = compiled.runtime_executable()
    assert executable is not None
    return executable.hlo_modules()[0].as_serialized_hlo_module_proto()


@pytest.fixture(scope="module")
def text(compiled: jax.stages.Compiled) -> bytes:
    return (compiled.as_text() or "").encode()


def outline(module: Module) -> list[tuple[object, ...]]:
    return sorted(
        (one.name, one.opcode, str(one.shape), tuple(o.name for o in one.operands), one.op_name)
        for one in module.instructions()
    )


def test_text_and_protobuf_are_one_program(proto: bytes, text: bytes) -> None:
    assert outline(parse_module(text)) == outline(parse_module(proto))


def test_wrapped_bare_and_gzipped_protobuf(proto: bytes, tmp_path: Path) -> None:
    wrapped = HloProto(hlo_module=HloModuleProto.FromString(proto)).SerializeToString()
    expected = outline(parse_module(proto))
    assert outline(parse_module(wrapped)) == expected
    path = tmp_path / "program.pb.gz"
    path.write_bytes(gzip.compress(wrapped))
    assert outline(read_module(path)) == expected


def test_looking_up(proto: bytes) -> None:
    module = parse_module(proto)
    (loop,) = (one for one in module.instructions() if one.opcode == "while")
    assert module.instruction(loop.name) is loop
    assert loop.calls[0] in module.computations
    assert loop in module.entry.users(loop.operands[0])
    assert loop.config["known_trip_count"] == {"n": "5"}
    assert any("/mlp/" in one.op_name for one in module.instructions())
    assert module.entry.parameters[0].op_name == "x"
    with pytest.raises(KeyError):
        module.instruction("nobody")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated(proto: bytes, tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.pb"
    path.write_bytes(proto[: int(len(proto) * share)])
    with pytest.raises(ProfileInputError, match=r"cut\.pb .*save one with"):
        read_module(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08\x00", "damaged or truncated gzip"),
        (b"GGUF\x03\x00\x00\x00" * 20, "not an HLO program"),
        (b"\x89PNG\r\n\x1a\n", "not an HLO program"),
        (b"hello, this is not HLO\n", "not an HLO program"),
        (b"HloModule broken\n\nENTRY main { ROOT x = f32[2] nonsense(", "not HLO text"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(ProfileInputError, match=rf"file\.bin.*{says}"):
        read_module(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ProfileInputError, match=r"no HLO program at .*none\.pb"):
        read_module(tmp_path / "none.pb")
