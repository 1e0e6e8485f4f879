"""Folders that quantize writes: values of the folder are those in memory, to the bit; whole or
nothing."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_models import FAMILIES, public_tensors, write_folder

from rooflink.model.config import ModelInputError
from rooflink.model.quantised import Quantised
from rooflink.model.styles import Widths
from rooflink.model.weights.loading import open_hf_folder
from rooflink.model.weights.quantised_folder import write_quantised
from rooflink.profiling.jobs.quantize_job import QuantizeJob
from rooflink.profiling.model_spec import resolve_subject

WIDTHS = {"int8": Widths("int8"), "int4": Widths("int4", 32), "fp8": Widths("fp8")}


def tiny(tmp_path: Path, family: str = "llama") -> Path:
    return write_folder(tmp_path / "model", FAMILIES[family], public_tensors(FAMILIES[family]))


@pytest.fixture(params=["llama", "llama tied", "qwen2"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny(tmp_path, request.param)


@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
def test_values_of_the_folder_are_those_in_memory(
    folder: Path, widths: Widths, tmp_path: Path
) -> None:
    out = tmp_path / "narrow"
    write_quantised(open_hf_folder(folder), widths, out)
    in_memory = resolve_subject(str(folder), "own", "float32", widths)
    of_folder = resolve_subject(str(out), "own", "float32")
    assert of_folder.config.widths == in_memory.config.widths == widths
    ours, theirs = (one.load(0, 0) for one in (in_memory, of_folder))
    assert isinstance(theirs.blocks.query[...], Quantised)
    for left, right in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(
            np.asarray(left).astype(np.float32), np.asarray(right).astype(np.float32)
        )
    assert "held so" in (of_folder.storage_note or "")


def test_int4_by_hand(tmp_path: Path) -> None:
    """Eight codes of a word, lowest first, each with 8 added; what is written can be read."""
    source = open_hf_folder(tiny(tmp_path))
    write_quantised(source, WIDTHS["int4"], tmp_path / "narrow")
    tensors = load_file(tmp_path / "narrow" / "model.safetensors")
    name = "model.layers.1.mlp.down_proj"
    matrix = dict(source.tensors())[f"{name}.weight"]
    assert tensors[f"{name}.weight_shape"].tolist() == [64, 96]
    assert tensors[f"{name}.weight_scale"].shape == (64, 3)
    scale = np.float32(tensors[f"{name}.weight_scale"][5, 1])
    word = int(tensors[f"{name}.weight_packed"].view(np.uint32)[5, 4])  # columns 32 to 39
    codes = [(word >> 4 * place & 15) - 8 for place in range(8)]
    assert codes == np.round(matrix[5, 32:40] / scale).astype(int).tolist()
    stated = json.loads((tmp_path / "narrow" / "config.json").read_text())["quantization_config"]
    assert stated["format"] == "pack-quantized"
    assert stated["config_groups"]["group_0"]["weights"]["group_size"] == 32
    assert (tmp_path / "narrow" / "tokenizer.json").read_bytes() == (
        tmp_path / "model" / "tokenizer.json"
    ).read_bytes()


def test_asked_for_another_width_the_folder_is_quantised_again(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    write_quantised(open_hf_folder(model), WIDTHS["int8"], tmp_path / "narrow")
    subject = resolve_subject(str(tmp_path / "narrow"), "own", "float32", WIDTHS["int4"])
    assert subject.config.widths == WIDTHS["int4"]
    assert "held so" not in (subject.storage_note or "")


def test_nothing_is_written_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(tmp_path)
    source, out = open_hf_folder(model), tmp_path / "narrow"
    write_quantised(source, WIDTHS["int8"], out)
    with pytest.raises(ModelInputError, match="exists already"):
        write_quantised(source, WIDTHS["int8"], out)
    with pytest.raises(ModelInputError, match="quantised already, as int8 per channel"):
        write_quantised(open_hf_folder(out), WIDTHS["int4"], tmp_path / "again")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("rooflink.model.weights.quantised_folder.save_file", full)
    with pytest.raises(ModelInputError, match=r"cannot write .*no space left"):
        write_quantised(source, WIDTHS["int8"], tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "narrow"]


def test_a_group_that_does_not_divide_is_refused(tmp_path: Path) -> None:
    from rooflink.profiling.errors import Silent

    job = QuantizeJob(model="reasoner", to="int4", group=64, out=tmp_path / "x")
    with pytest.raises(ModelInputError, match=r"do not divide the 176 rows .* one of 16"):
        job.run(Silent())
    assert not (tmp_path / "x").exists()
