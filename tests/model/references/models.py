"""This package's models from the public terms of families.py, by the way that users' files take."""

import json
import tempfile
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rooflink.model.config import DType, ModelConfig
from rooflink.model.kv_cache import EMPTY, KVCache
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights import parameters
from rooflink.model.weights.families import hf_config
from rooflink.model.weights.hf_config import fields_of

from .families import FAMILIES, Fields, tensors


def model_of(fields: Fields, dtype: DType = "float32", seed: int = 0) -> Transformer:
    """The model with this config.json and the weights that families.py gives it."""
    config = config_of(fields)
    weights = parameters(config, tensors(fields, seed).items(), dtype)
    return transformer_from(config, dtype, weights)


def config_of(fields: Fields) -> ModelConfig:
    """The configuration that a config.json of `fields` gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(fields))
        return hf_config(fields_of(path))


@cache
def family_model(family: str, dtype: DType = "float32") -> Transformer:
    """The model of `FAMILIES[family]`."""
    return model_of(FAMILIES[family], dtype)


@jax.jit
def _one_pass(model: Transformer, tokens: Array, positions: Array) -> Array:
    blank = KVCache.empty(model.config, tokens.shape[0], 1, tokens.shape[1], model.dtype)
    hidden, _ = model.forward(tokens[:, None], positions[:, None], blank, 0)
    return model.logits(hidden)[:, 0]


def all_logits(model: Transformer, tokens: np.ndarray) -> np.ndarray:
    """Logits [T, V] at every position of `tokens` [T], in one pass without anything cached."""
    positions = jnp.arange(len(tokens))[None]
    return np.asarray(_one_pass(model, jnp.asarray(tokens, jnp.int32)[None], positions))[0]


def last_logits(model: Transformer, tokens: list[int], room: int) -> np.ndarray:
    """Logits [V] of what follows `tokens`, recomputed from the first of them.

    The pass is `room` positions long whatever the tokens, so that it is compiled once.
    """
    padded = np.zeros((1, room), np.int32)
    padded[0, : len(tokens)] = tokens
    index = np.arange(room)
    positions = np.where(index < len(tokens), index, EMPTY)[None].astype(np.int32)
    logits = _one_pass(model, jnp.asarray(padded), jnp.asarray(positions))
    return np.asarray(logits)[0, len(tokens) - 1]
