"""Checkpoints: any pytree of arrays in one safetensors file, replaced whole or not at all."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..config import ModelInputError
from .safetensors import opened

Tree = TypeVar("Tree")
_DAMAGED = ("damaged", "delete it to train from the start")


def save_checkpoint(path: Path, tree: object, notes: dict[str, str]) -> None:
    """Write the arrays of `tree`, named by their path in it, and `notes`; survives a kill."""
    arrays = {name: np.asarray(leaf) for name, leaf in _named(tree)}
    scratch = scratch_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, scratch, notes)
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            scratch.unlink()
        raise ModelInputError(f"cannot write {path}: {error}") from error


def read_notes(path: Path) -> dict[str, str]:
    """The notes of a checkpoint; ModelInputError if it is damaged."""
    with opened(path, *_DAMAGED) as file:
        return dict(file.metadata() or {})


def load_checkpoint(path: Path, like: Tree) -> Tree:
    """The checkpoint's arrays in a tree of the structure of `like`. Raises ModelInputError if it is
    damaged, or holds arrays of another model."""
    with opened(path, *_DAMAGED) as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    wanted = {name: (leaf.shape, leaf.dtype) for name, leaf in _named(like)}
    stored = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if wanted != stored:
        odd = next(n for n in {**wanted, **stored} if wanted.get(n) != stored.get(n))
        raise ModelInputError(
            f"{path} is a checkpoint of another model ('{odd}' differs): choose another folder"
        )
    leaves = [jnp.asarray(arrays[name]) for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def digest_of(tree: object) -> str:
    """A hash of every array of `tree`, such as a model's weights."""
    digest = hashlib.blake2b(digest_size=8)
    for leaf in jax.tree.leaves(tree):
        digest.update(np.ascontiguousarray(np.asarray(leaf)).view(np.uint8).data)  # no copy
    return digest.hexdigest()


def scratch_of(path: Path) -> Path:
    """The file beside `path` that is written before it replaces `path` whole."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def _named(tree: object) -> list[tuple[str, jax.Array]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]
