"""The mesh: how devices are split over its axes, and how each tensor lies on them by its letters.

Axis letters as in `config`; besides, of generation's state: P prompt slots, S slots of each
attempt, M recent tokens.

A mesh has five axes. `prompts` and `attempts` are data parallel. `kv`, `group` and `rest` together
are the model axis, tensor parallel: it is split by the model's own shape, so that fewer KV heads
than devices work. KV heads are split over `kv`, the queries of one KV head over `group`; MLP and
vocabulary over all three. What an axis does not name is held whole by each of its devices.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jax.tree_util import KeyPath

from .config import ModelConfig, ModelInputError
from .styles import unnumbered

Tree = TypeVar("Tree")

MODEL_AXES = ("kv", "group", "rest")
MESH_AXES = ("prompts", "attempts", *MODEL_AXES)

MESH_AXES_OF: dict[str, tuple[str, ...]] = {
    "B": ("prompts",), "A": ("attempts",), "K": ("kv",), "G": ("group",), "Q": ("kv", "group"),
    "Y": ("kv", "group"), "C": ("kv",), "F": MODEL_AXES, "J": MODEL_AXES, "V": MODEL_AXES,
}  # fmt: skip
"""Axis letter -> the mesh axes that it is split over; a letter that is not here is not split."""

NARROW = 256
"""Columns, as a matrix unit of a TPU v6e or TPU7x has: where a device's part of each expert would
have fewer, whole experts are dealt to the devices instead, so that each makes fewer and larger
matmuls. One token's experts are then seldom on as many devices as there are."""

STATE_AXES: dict[str, str] = {
    "cache.stacks.prompt_keys": "LBKPH", "cache.stacks.prompt_values": "LBKPH",
    "cache.stacks.keys": "LBAKSH", "cache.stacks.values": "LBAKSH",
    "cache.prompt_positions": "BP", "cache.positions": "BAS",
    "keys": "BA", "slot": "", "token": "BA", "pending": "BA", "position": "BA", "emitted": "BA",
    "left": "BA", "recent": "BAM", "active": "BA", "forced": "BA", "stop": "BA",
}  # fmt: skip
"""Axes of generation's state, by dotted name without a stack's number; those of a model are
`config.PARAMETER_AXES`."""

INPUT_AXES: dict[str, str] = {
    "prompts": "BP", "lengths": "B", "keys": "BA", "tokens": "BAT", "positions": "BAT",
    "parents": "BA",
}  # fmt: skip
"""What a phase's program reads beside the model and the state."""


@dataclass(frozen=True)
class ModelSplit:
    """How many devices each mesh axis has, for one model and batch."""

    prompts: int
    attempts: int
    kv: int
    group: int
    rest: int

    @property
    def data(self) -> int:
        """Devices along the data axis."""
        return self.prompts * self.attempts

    @property
    def model(self) -> int:
        """Devices along the model axis."""
        return self.kv * self.group * self.rest

    @property
    def devices(self) -> int:
        """All devices of the mesh."""
        return self.data * self.model

    def mesh(self, devices: Sequence[jax.Device]) -> Mesh:
        """A mesh over `devices` in their order, the model axis over neighbours."""
        shaped = np.array(devices).reshape([getattr(self, axis) for axis in MESH_AXES])
        return Mesh(shaped, MESH_AXES, axis_types=(AxisType.Auto,) * len(MESH_AXES))

    def describe(self, config: ModelConfig) -> str:
        """The split in words, with what is held or computed more than once."""
        words = [f"data={self.data},tensor={self.model}"]
        if self.data > 1:
            words.append(f"prompts split {self.prompts} and attempts {self.attempts} ways")
        if (copies := self.group * self.rest) > 1:
            heads = f"{config.kv_heads} KV heads split {self.kv} ways, each"
            if config.latent_dim:
                heads = "latents of all heads"
            words.append(f"{heads} held by {copies} devices")
        if self.rest > 1:
            words.append(f"attention computed {self.rest} times over")
        for what, size in (("MLP", config.mlp_dim), ("vocabulary", config.vocab_size)):
            ways = math.prod(getattr(self, axis) for axis in self._dividing(size, MODEL_AXES))
            if ways < self.model:
                words.append(f"{what} of {size} split {ways} ways, for {self.model} do not divide")
        return "; ".join(words)

    def deals_experts(self, experts: int, width: int) -> bool:
        """Whether each device of the model axis has whole experts, not a part of every one."""
        return self.model > 1 and width < NARROW * self.model and experts % self.model == 0

    def _dividing(self, size: int, axes: tuple[str, ...]) -> tuple[str, ...]:
        """The most leading `axes` over which `size` divides evenly."""
        for count in range(len(axes), 0, -1):
            if size % math.prod(getattr(self, axis) for axis in axes[:count]) == 0:
                return axes[:count]
        return ()


def split_devices(
    config: ModelConfig,
    batch: int,
    attempts: int,
    devices: int,
    data: int | None = None,
    model: int | None = None,
) -> ModelSplit:
    """Split `devices` over data and model.

    By default the model axis takes as many devices as there are query heads to split, and data
    the others, where the batch divides by them; else the model axis takes all. Data parallelism
    splits prompts first, then the attempts at each.

    Raises ModelInputError where `data` times `model` is not `devices`, or where neither prompts
    nor attempts divide by `data`.
    """
    if model is None and data is None:
        model = math.gcd(devices, config.query_heads)
        if _data_axes(batch, attempts, devices // model) is None:
            model = devices
    given = {"data": data, "tensor": model}
    for axis, size in given.items():
        if size is not None and (size < 1 or devices % size) and None in given.values():
            raise ModelInputError(
                f"a mesh with {axis}={size} does not divide the {devices} devices: choose a divisor"
            )
    if data is None:
        assert model is not None
        data = devices // model
    elif model is None:
        model = devices // data
    if data < 1 or model < 1 or data * model != devices:
        raise ModelInputError(
            f"a mesh of data={data}, tensor={model} has {data * model} devices, but "
            f"there are {devices}: choose two whole numbers whose product is {devices}"
        )
    axes = _data_axes(batch, attempts, data)
    if axes is None:
        raise ModelInputError(
            f"{batch} prompts with {attempts} attempts each do not divide over data={data}: "
            "choose a batch that is a multiple of it, or a smaller data axis"
        )
    kv = math.gcd(config.cached_heads, model)
    group = math.gcd(config.queries_per_kv_head, model // kv)
    return ModelSplit(*axes, kv, group, model // (kv * group))


def _data_axes(batch: int, attempts: int, data: int) -> tuple[int, int] | None:
    """Ways to split prompts and attempts that make `data` together; None if there are none."""
    prompts = math.gcd(batch, data)
    return (prompts, data // prompts) if attempts % (data // prompts) == 0 else None


def partition(axes: str, shape: tuple[int, ...], mesh: Mesh | AbstractMesh) -> PartitionSpec:
    """How a tensor of `axes` and `shape` is split over `mesh`, by the table.

    An axis that does not divide over all its mesh axes is split over the leading ones that it
    divides over. Raises ValueError where two axes of the tensor claim one mesh axis.
    """
    split = ModelSplit(*(mesh.shape[axis] for axis in MESH_AXES))
    sizes, table = dict(zip(axes, shape, strict=True)), MESH_AXES_OF
    if {"E", "F"} <= sizes.keys() and split.deals_experts(sizes["E"], sizes["F"]):
        table = table | {"E": MODEL_AXES, "F": ()}
    claimed: set[str] = set()
    parts = []
    for letter, size in zip(axes, shape, strict=True):
        wanted = table.get(letter, ())
        if claimed & set(wanted):
            raise ValueError(f"{axes}: axis {letter} claims a mesh axis that another one has")
        claimed |= set(wanted)
        parts.append(split._dividing(size, wanted) or None)
    return PartitionSpec(*parts)


def shardings(tree: Tree, axes: Mapping[str, str], mesh: Mesh) -> Tree:
    """`tree` (abstract or not) with a NamedSharding in place of each array, whose axes are listed
    in `axes` by its `config.unnumbered` name."""

    def of_leaf(path: KeyPath, leaf: jax.ShapeDtypeStruct) -> NamedSharding:
        own = axes_of(leaf_name(path), axes)[: len(leaf.shape)]
        return NamedSharding(mesh, partition(own, leaf.shape, mesh))

    placed: Tree = jax.tree_util.tree_map_with_path(of_leaf, tree)
    return placed


def axes_of(name: str, axes: Mapping[str, str]) -> str:
    """Of a leaf of that dotted name, by `axes`; codes and scales of what is quantised have those of
    the whole, scales of a cache all but the last. Raises KeyError for one that is not listed."""
    plain = unnumbered(name)
    whole = plain
    for part in (".codes", ".scales"):
        if plain.endswith(part):
            whole = plain.removesuffix(part).removesuffix(".value")
    of_cache = plain.endswith(".scales") and whole in STATE_AXES
    return axes[whole][:-1] if of_cache else axes[whole]


def result_sharding(axes: str, mesh: Mesh) -> NamedSharding:
    """Of a result with these axes, which divide over the mesh as those of the state do."""
    shape = tuple(mesh.size for _ in axes)
    return NamedSharding(mesh, partition(axes, shape, mesh))


def leaf_name(path: KeyPath) -> str:
    """The dotted name of a leaf, 'blocks.query' or 'cache.stacks.0.keys', from its key path."""
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")
