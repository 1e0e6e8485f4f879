"""Folders of weights as publishers quantise them: read as the numbers that they mean, or refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from quantised_models import KINDS, Kind, Tensors, quantised_tensors, write_quantised
from tiny_models import LLAMA, config_json, public_tensors, write_folder

from rooflink.model.config import ModelInputError
from rooflink.model.weights import open_weights, parameters

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


@every_kind
def test_a_quantised_folder_means_its_numbers(tmp_path: Path, kind: Kind) -> None:
    """Exactly: a code of 8 bits times a scale of 11 fits float32."""
    folder, meant = write_quantised(tmp_path / "tiny", LLAMA, kind)
    source = open_weights(str(folder))
    read = dict(source.tensors())
    assert read.keys() == meant.keys()
    for name, tensor in meant.items():
        np.testing.assert_array_equal(read[name], tensor, err_msg=name)
    assert source.quantised is not None
    assert source.quantised.words == kind.said
    size = sum(array.nbytes for array in quantised_tensors(LLAMA, kind)[0].values())
    assert source.quantised.size_bytes == size
