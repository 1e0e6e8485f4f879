"""Sharding: how weights, state and inputs lie on a mesh, by the axis letters of each tensor.

Axis letters as in `config`; besides, of generation's state: P prompt slots, S slots of each
attempt, M recent tokens. `mesh` says what each letter is split over.
"""

from collections.abc import Mapping
from typing import TypeVar

import jax
from jax.sharding import Mesh, NamedSharding
from jax.tree_util import KeyPath

from .config import PARAMETER_AXES
from .generation.decode_loop import Cursor, Rows
from .mesh import partition
from .transformer import Transformer

Tree = TypeVar("Tree")

STATE_AXES: dict[str, str] = {
    "cache.prompt_keys": "LBKPH",
    "cache.prompt_values": "LBKPH",
    "cache.prompt_positions": "BP",
    "cache.keys": "LBAKSH",
    "cache.values": "LBAKSH",
    "cache.positions": "BAS",
    "keys": "BA",
    "slot": "",
    "token": "BA",
    "pending": "BA",
    "position": "BA",
    "emitted": "BA",
    "left": "BA",
    "recent": "BAM",
    "active": "BA",
    "forced": "BA",
    "stop": "BA",
}

INPUT_AXES: dict[str, str] = {
    "prompts": "BP",
    "lengths": "B",
    "keys": "BA",
    "tokens": "BAT",
    "positions": "BAT",
    "parents": "BA",
}
"""What a phase's program reads beside the model and the state."""


def parameter_shardings(model: Transformer, mesh: Mesh) -> Transformer:
    """`model` (abstract or not) with a NamedSharding in place of each array."""
    return _shardings(model, PARAMETER_AXES, mesh)


State = TypeVar("State", Rows, Cursor)


def state_shardings(state: State, mesh: Mesh) -> State:
    """`state` (abstract or not) with a NamedSharding in place of each array."""
    return _shardings(state, STATE_AXES, mesh)


def input_shardings(
    inputs: Mapping[str, jax.ShapeDtypeStruct], mesh: Mesh
) -> Mapping[str, jax.ShapeDtypeStruct]:
    """`inputs` of a program by name with a NamedSharding in place of each array."""
    return _shardings(inputs, INPUT_AXES, mesh)


def result_sharding(axes: str, mesh: Mesh) -> NamedSharding:
    """Of a result with these axes, which divide over the mesh as those of the state do."""
    shape = tuple(mesh.size for _ in axes)
    return NamedSharding(mesh, partition(axes, shape, mesh))


def leaf_name(path: KeyPath) -> str:
    """The dotted name of a leaf, 'blocks.query' or 'cache.keys', from its key path."""
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")


def _shardings(tree: Tree, axes: Mapping[str, str], mesh: Mesh) -> Tree:
    def of_leaf(path: KeyPath, leaf: jax.ShapeDtypeStruct) -> NamedSharding:
        return NamedSharding(mesh, partition(axes[leaf_name(path)], leaf.shape, mesh))

    shardings: Tree = jax.tree_util.tree_map_with_path(of_leaf, tree)
    return shardings
