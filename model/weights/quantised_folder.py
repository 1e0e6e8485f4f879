"""Writing a model's folder anew with its matrices in few bits, as compressed-tensors lays them out:
`int-quantized`, `pack-quantized` and `float-quantized`, which `quantisation` reads back."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..config import ModelConfig, ModelInputError
from ..quantised import quantised
from ..styles import LINEAR, Widths
from .checkpoint import scratch_of
from .host_memory import require_memory
from .layout import WeightSource, placements, unfused
from .quantisation import OURS

BESIDE = (
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "chat_template.jinja",
)  # fmt: skip
"""Files that are copied, those of them that there are."""

_FORMATS = {"int8": "int-quantized", "int4": "pack-quantized", "fp8": "float-quantized"}


@dataclass(frozen=True)
class Written:
    """What became of the tensors of a folder."""

    matrices: int  # that are quantised
    read_bytes: int
    written_bytes: int


def write_quantised(source: WeightSource, widths: Widths, out: Path) -> Written:
    """`source` with its matrices in `widths`, as the new folder `out`: whole or not at all.

    Raises ModelInputError for a source that is no folder or is quantised already, for an `out` that
    exists, for matrices that are stored together, or for what cannot be written.
    """
    folder, config = source.folder, source.config
    if folder is None:
        raise ModelInputError(
            f"{source.description} is no folder with config.json and safetensors: quantize reads "
            "such a folder, a hub id or 'reasoner'"
        )
    if source.stored is not None:
        raise ModelInputError(
            f"{folder} is quantised already, as {source.stored.words}: quantize the model that it "
            "was made from"
        )
    if out.exists() or out.is_symlink():
        raise ModelInputError(f"{out} exists already: choose a folder that does not")
    require_memory(config.weight_bytes("float32"), f"quantising {config.name}")
    scratch = scratch_of(out)
    try:
        scratch.mkdir(parents=True)
        tensors, matrices, read_bytes = _tensors(source, widths)
        save_file(tensors, scratch / "model.safetensors", {"format": "pt"})
        (scratch / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        said |= {OURS: True, "quantization_config": stated(config, widths)}
        text = json.dumps(said, indent=1) + "\n"
        (scratch / "config.json").write_text(text, encoding="utf-8")
        for name in BESIDE:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, scratch / name)
        scratch.rename(out)
    except (OSError, SafetensorError) as error:
        raise ModelInputError(f"cannot write {out}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Written(matrices, read_bytes, sum(tensor.nbytes for tensor in tensors.values()))


def stated(config: ModelConfig, widths: Widths) -> dict[str, object]:
    """The `quantization_config` of a config.json."""
    assert widths.weights is not None
    weights = {
        "num_bits": 4 if widths.weights == "int4" else 8,
        "type": "float" if widths.weights == "fp8" else "int",
        "strategy": "group" if widths.group else "channel",
        "group_size": widths.group,
        "symmetric": True,
        "dynamic": False,
    }
    ignored = ["lm_head"] if config.tied_embeddings else []
    return {
        "quant_method": "compressed-tensors",
        "format": _FORMATS[widths.weights],
        "quantization_status": "compressed",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": [*ignored, r"re:.*mlp\.gate$"] if config.experts > 1 else ignored,
    }


def _tensors(source: WeightSource, widths: Widths) -> tuple[dict[str, np.ndarray], int, int]:
    """What is written by its name, how many matrices of it are quantised, and the bytes read."""
    places = placements(source.config)
    tensors: dict[str, np.ndarray] = {}
    matrices = read_bytes = 0
    for name, tensor in source.tensors():
        read_bytes += tensor.nbytes
        parts = [part for part, _ in unfused(source.config, [(name, tensor)])]
        ours = [places[part].array.rpartition(".")[2] for part in parts if part in places]
        if not any(one in LINEAR for one in ours):
            tensors[name] = np.ascontiguousarray(tensor)
            continue
        if tensor.ndim != 2 or not name.endswith(".weight"):
            raise ModelInputError(
                f"tensor '{name}' of {source.config.name} holds matrices of many experts, which "
                "compressed-tensors has no layout for: run it with --weight-dtype instead"
            )
        matrices += 1
        stem = name.removesuffix(".weight")
        tensors |= {f"{stem}.{end}": part for end, part in _coded(tensor, widths)}
    return tensors, matrices, read_bytes


def _coded(tensor: np.ndarray, widths: Widths) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors that stand for one matrix [out, in], by the ends of their names."""
    assert widths.weights is not None
    held = quantised(jnp.asarray(tensor.T), widths.weights, widths.group)
    codes = np.ascontiguousarray(np.asarray(held.codes).T)
    yield "weight_scale", np.ascontiguousarray(np.asarray(held.scales).T)
    if widths.weights != "int4":
        yield "weight", codes
        return
    unsigned = (codes.astype(np.int32) + 8).astype(np.uint32).reshape(len(codes), -1, 8)
    words = (unsigned << np.arange(0, 32, 4, dtype=np.uint32)).sum(axis=-1, dtype=np.uint32)
    yield "weight_packed", words.view(np.int32)
    yield "weight_shape", np.array(codes.shape, np.int64)
