"""The GGUF container: quantised types by hand-made blocks, and damage of every part."""

import os
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType

from rooflink.model.config import ModelInputError
from rooflink.model.weights.gguf_format import GgufFile

HALF_TWO = np.float16(2).tobytes()
HALF_ZERO = np.float16(0).tobytes()
# Six-bit scales of 1 and minima of 0 for eight sub-blocks, as Q4_K and Q5_K pack them.
K_SCALES = bytes([1] * 4 + [0] * 4 + [1] * 4)
BLOCKS = {
    "Q4_K": (HALF_TWO + HALF_ZERO + K_SCALES + b"\x33" * 128, 6.0),
    "Q5_K": (HALF_TWO + HALF_ZERO + K_SCALES + b"\xff" * 32 + b"\x33" * 128, 38.0),
    "Q6_K": (b"\x00" * 128 + b"\x00" * 64 + b"\x01" * 16 + HALF_TWO, -64.0),
    # Scales of 1, of four bits, of six less 32, and of eight; codes of 2, 3, 13, 1 and 3.
    "Q2_K": (b"\x01" * 16 + b"\xaa" * 64 + HALF_TWO + HALF_ZERO, 4.0),
    "Q3_K": (b"\xff" * 32 + b"\xff" * 64 + b"\x11" * 8 + b"\xaa" * 4 + HALF_TWO, 6.0),
    "IQ4_NL": (HALF_TWO + b"\x99" * 16, 26.0),
    "IQ4_XS": (HALF_TWO + b"\xaa" * 2 + b"\x11" * 4 + b"\x99" * 128, 26.0),
    "TQ2_0": (b"\xaa" * 64 + HALF_TWO, 2.0),
    "MXFP4": (b"\x80" + b"\x55" * 16, 6.0),
}


@pytest.mark.parametrize("kind", BLOCKS)
def test_blocks_made_by_hand(tmp_path: Path, kind: str) -> None:
    block, value = BLOCKS[kind]
    raw = np.frombuffer(block * 2, np.uint8).reshape(2, -1)
    file = _written(tmp_path, raw, GGMLQuantizationType[kind])
    read = file.array("t")
    values, _ = gguf.GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    np.testing.assert_array_equal(read, np.full((2, values), value, np.float32))


@pytest.mark.parametrize("kind", gguf.GGML_QUANT_SIZES, ids=lambda kind: kind.name)
def test_every_type_that_the_library_dequantises_is_read(
    tmp_path: Path, kind: GGMLQuantizationType
) -> None:
    """But NVFP4, whose tensors have a second scale in another tensor."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    file = _written(tmp_path, np.zeros((2, size), np.uint8), kind)
    try:
        expected = gguf.dequantize(np.zeros((2, size), np.uint8), kind)
    except NotImplementedError:
        expected = None
    if expected is None or kind.name == "NVFP4":
        with pytest.raises(ModelInputError, match=f"as {kind.name}, which is not read"):
            file.require_readable()
    else:
        file.require_readable()
        assert file.array("t").shape == (2, values) == expected.shape


def test_metadata_of_every_type(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_uint8("u8", 255)
    writer.add_int64("i64", -(2**40))
    writer.add_float32("f", 0.5)
    writer.add_bool("yes", True)
    writer.add_array("words", ["a", "ü"])
    writer.add_array("numbers", [1, 2, 3])
    writer.add_array("flags", [True, False])
    _close(writer)
    metadata = GgufFile(tmp_path / "m.gguf").metadata
    assert (metadata["u8"], metadata["i64"], metadata["f"]) == (255, -(2**40), 0.5)
    assert metadata["yes"] is True
    assert metadata["words"] == ["a", "ü"]
    assert metadata["numbers"] == [1, 2, 3]
    assert metadata["flags"] == [True, False]


def test_unreadable_type_is_named(tmp_path: Path) -> None:
    raw = np.zeros((1, 36), np.uint8)
    file = _written(tmp_path, raw, GGMLQuantizationType.NVFP4)
    with pytest.raises(ModelInputError, match="'t' as NVFP4, which is not read"):
        file.require_readable()


def test_a_dimension_of_zero_is_damage(tmp_path: Path) -> None:
    whole = _written(tmp_path, np.ones((4, 32), np.float32)).path
    for shape in ((0, 32), (2**62, 0), (0, 2**62)):
        entry = b"t" + (2).to_bytes(4, "little")
        old = entry + b"".join(n.to_bytes(8, "little") for n in (32, 4))
        new = entry + b"".join(n.to_bytes(8, "little") for n in shape)
        changed = whole.with_name("zero.gguf")
        changed.write_bytes(whole.read_bytes().replace(old, new))
        with pytest.raises(ModelInputError, match="'t' the shape"):
            GgufFile(changed)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.gguf")
    with pytest.raises(ModelInputError, match="no regular file"):
        GgufFile(tmp_path / "m.gguf")


def test_counts_beyond_any_model(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 16)
    with pytest.raises(ModelInputError, match="says it has"):
        GgufFile(tmp_path / "m.gguf")


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match=r"cannot be read .No such file"):
        GgufFile(tmp_path / "none.gguf")
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(ModelInputError, match="is empty"):
        GgufFile(tmp_path / "empty.gguf")
    (tmp_path / "page.gguf").write_text("<!DOCTYPE html>")
    with pytest.raises(ModelInputError, match="not a GGUF file"):
        GgufFile(tmp_path / "page.gguf")


def test_unknown_version(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + (1).to_bytes(4, "little") + bytes(16))
    with pytest.raises(ModelInputError, match="GGUF version 1"):
        GgufFile(tmp_path / "m.gguf")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    whole = _written(tmp_path, np.ones((4, 32), np.float32)).path.read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(1, len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelInputError, match=r"truncated|not a GGUF"):
            GgufFile(cut)


def test_damaged_bytes_raise_nothing_else(tmp_path: Path) -> None:
    whole = bytearray(_written(tmp_path, np.ones((4, 32), np.float32)).path.read_bytes())
    damaged = tmp_path / "damaged.gguf"
    refused = 0
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0xFF
        damaged.write_bytes(changed)
        try:
            GgufFile(damaged)
        except ModelInputError:
            refused += 1
    assert refused > 30


def _written(folder: Path, array: np.ndarray, kind: GGMLQuantizationType | None = None) -> GgufFile:
    writer = gguf.GGUFWriter(folder / "m.gguf", "llama")
    writer.add_tensor("t", array, raw_dtype=kind)
    _close(writer)
    return GgufFile(folder / "m.gguf")


def _close(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
