"""From public tensors, one at a time, to the stacked arrays that the transformer takes."""

from collections.abc import Iterable
from math import prod

import ml_dtypes
import numpy as np

from ..config import DType, ModelConfig
from ..errors import ModelInputError
from ..memory import require_memory
from .layout import expected_shapes, placements
from .source import NamedTensor

_NUMPY_DTYPES: dict[DType, type] = {"float32": np.float32, "bfloat16": ml_dtypes.bfloat16}


def parameters(
    config: ModelConfig, tensors: Iterable[NamedTensor], dtype: DType
) -> dict[str, np.ndarray]:
    """The parameter arrays of `config` in `dtype`, by dotted name (shapes: `expected_shapes`).

    Each array is allocated once and filled tensor by tensor, so beyond the result only one tensor
    is held. Rotary tables, and an output head that repeats a tied embedding, are passed over.

    Raises:
        ModelInputError: too little memory, or a tensor is missing, unexpected, given twice, of
            another shape, or not finite; the tensor is named.
    """
    shapes = expected_shapes(config)
    largest_values = max(config.vocab_size, config.mlp_dim) * config.embed_dim
    needed_bytes = config.weight_bytes(dtype) + 2 * 4 * largest_values  # a tensor and its copy
    require_memory(needed_bytes, f"holding the weights of {config.name} in {dtype}")
    arrays: dict[str, np.ndarray] = {
        name: np.empty(shape, _NUMPY_DTYPES[dtype]) for name, shape in shapes.items()
    }
    missing = placements(config)
    known = frozenset(missing)
    for name, tensor in tensors:
        if name not in known and _harmless(name, config):
            continue
        place = missing.pop(name, None)
        if place is None:
            problem = "is given twice" if name in known else "has no place in this model"
            raise ModelInputError(
                f"tensor '{name}' {problem} ({config.family}, {config.layers} layers): "
                "the weights and the configuration are not of one model."
            )
        _check(name, tensor, place.shape)
        arrays[place.array][place.index] = tensor.T if place.transposed else tensor
    if missing:
        raise ModelInputError(
            f"tensor '{next(iter(missing))}' is missing from the weights of {config.name} "
            f"({len(missing)} missing in all): fetch the file again from its publisher."
        )
    return arrays


def _harmless(name: str, config: ModelConfig) -> bool:
    repeats_embedding = name == "lm_head.weight" and config.tied_embeddings
    return repeats_embedding or name.endswith("rotary_emb.inv_freq")


def _check(name: str, tensor: np.ndarray, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ModelInputError(
            f"tensor '{name}' has shape {list(tensor.shape)}, the configuration says "
            f"{list(shape)}: the weights and the configuration are not of one model."
        )
    if not np.isfinite(tensor).all():
        bad = prod(shape) - int(np.isfinite(tensor).sum())
        raise ModelInputError(
            f"tensor '{name}' holds {bad} values that are not finite: the file is damaged, "
            "fetch it again from its publisher."
        )
