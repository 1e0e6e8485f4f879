"""Described models: sizes of models that this project does not run itself, from the table that
comes along or from a TOML file.

The table knows a model by the names that people write: 'deepseek-ai/DeepSeek-R1', 'gpt-oss-120b',
'Llama-3.3-70B-Instruct'. Case, separators and words of another tuning or format do not matter.
"""

import csv
import re
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, PositiveInt, TypeAdapter, with_config

from ....model.architecture import SIZES, Architecture
from ....model.config import PRESETS, ModelInputError
from ....tpu_configs.figure import Words, known_and_whole
from ....tpu_configs.toml_files import parse_toml, read_text

MOST_SIZE = 10**8
"""Of a model: a width, a vocabulary, layers, experts; the largest published is 262,208."""


Narrow = Literal["int8", "fp8", "int4", "fp4"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class DescribedModel(Architecture):
    """The keys of a model's file: an architecture that is costed and never run.

    Norms and biases are left out of its parameters.
    """

    name: Words
    source: Words | None = None  # where the sizes are from
    context_length: PositiveInt | None = None  # tokens that it was trained for
    stored_dtype: Narrow | None = None  # of most weights in its files, where these are quantised

    def __post_init__(self) -> None:
        for name in (*SIZES, "context_length"):
            size = getattr(self, name)
            if isinstance(size, int) and size > MOST_SIZE:
                raise ValueError(f"has {name} over {MOST_SIZE:,}, more than any model, "
                                 "expected less")  # fmt: skip
        if self.query_heads % self.kv_heads:
            raise ValueError(f"has {self.query_heads} query heads for {self.kv_heads} KV heads, "
                             "expected a multiple")  # fmt: skip
        if self.active_experts > self.experts:
            raise ValueError(f"has active_experts {self.active_experts} of {self.experts} experts, "
                             "expected no more than there are")  # fmt: skip
        if self.dense_layers >= self.layers or (self.dense_layers > 0) != (self.dense_mlp_dim > 0):
            raise ValueError(f"has dense_layers {self.dense_layers} of {self.layers} and "
                             f"dense_mlp_dim {self.dense_mlp_dim}, expected both or neither, and "
                             "some layers with experts")  # fmt: skip
        if (self.window is None) != (self.windowed_share == 0):
            raise ValueError("has one of window and windowed_share, expected both or neither")
        _require_kinds(self)


def _require_kinds(model: Architecture) -> None:
    """Raise ValueError where the kinds of layer do not add up."""
    other = model.linear_layers + model.mlp_only_layers
    if other >= model.layers:
        raise ValueError(f"has {other} linear_layers and mlp_only_layers of {model.layers} layers, "
                         "expected some with attention")  # fmt: skip
    if model.mlp_only_layers and model.dense_layers >= model.mlp_only_layers:
        raise ValueError(f"has dense_layers {model.dense_layers} of {model.mlp_only_layers} layers "
                         "with an MLP, expected some with experts")  # fmt: skip
    if model.full_kv_heads and model.query_heads % model.full_kv_heads:
        raise ValueError(f"has {model.query_heads} query heads for full_kv_heads "
                         f"{model.full_kv_heads}, expected a multiple")  # fmt: skip
    linear = [getattr(model, size) for size in _LINEAR]
    if (model.linear_layers > 0) != all(linear) or any(linear) != all(linear):
        raise ValueError(
            f"has some of linear_layers and {', '.join(_LINEAR)}, expected all or none"
        )
    if not model.latent_dim and (model.query_rank or model.rotated_dim):
        raise ValueError("has query_rank or rotated_dim without latent_dim, expected all or none")
    index = [getattr(model, size) for size in _INDEX]
    if any(index) and not (all(index) and model.query_rank and model.index_layers <= model.layers):
        raise ValueError(f"has some of {', '.join(_INDEX)}, expected all, with query_rank, or none")


_INDEX = ("index_heads", "index_dim", "index_positions", "index_layers")
_LINEAR = ("linear_key_heads", "linear_value_heads", "linear_key_dim", "linear_value_dim",
           "linear_conv")  # fmt: skip


_KEYS = {f.name: f.default is MISSING or f.name == "name" for f in fields(DescribedModel)}
_NUMBERS = [f.name for f in fields(Architecture) if not isinstance(f.default, bool | str)]


def _table(data: object) -> object:
    """A table of these keys, whose sizes are no texts and no flags."""
    table = known_and_whole(data, _KEYS)
    for size in _NUMBERS:
        if isinstance(table.get(size), str | bool):
            raise ValueError(f"has {size} = {table[size]!r}, expected a number")
    return table


_DESCRIBED: TypeAdapter[DescribedModel] = TypeAdapter(
    Annotated[DescribedModel, BeforeValidator(_table)]
)


def described_model(path: Path) -> DescribedModel:
    """The model in a TOML file with the keys of `DescribedModel`.

    Raises ModelInputError for a file that is missing, not TOML, or has a wrong key or value.
    """
    text = read_text(path, "model file", ModelInputError)
    return parse_toml(text, str(path), _DESCRIBED.validate_python, ModelInputError)


@dataclass(frozen=True)
class TabledModel:
    """A row of the table."""

    model: DescribedModel
    names: tuple[str, ...]  # its own and others
    hub: tuple[str, ...]  # owners on the hub, in lower case
    family: str
    kind: str  # dense, moe, mla moe, hybrid
    confidence: str
    parameters: float  # all, and those that a token visits without the rows it looks up
    active_parameters: float


@cache
def tabled_models() -> tuple[TabledModel, ...]:
    """Every model of model_sizes.csv: sizes of a preset where one has them, else its own."""
    text = (files(__package__) / "model_sizes.csv").read_text(encoding="utf-8")
    return tuple(_tabled(row) for row in csv.DictReader(text.splitlines()))


def _tabled(row: dict[str, str]) -> TabledModel:
    own = {key: row[key] for key in (*SIZES, *_BESIDE) if row.get(key)}
    if row["preset"]:
        own |= {size: getattr(PRESETS[row["preset"]], size) for size in SIZES}
    return TabledModel(
        model=_ROW.validate_python({"name": row["name"], **own}),
        names=(row["name"], *row["aliases"].split()),
        hub=tuple(row["hub"].lower().split()),
        family=row["family"],
        kind=row["kind"],
        confidence=row["confidence"],
        parameters=float(row["params_total_B"]) * 1e9,
        active_parameters=float(row["params_active_B"]) * 1e9,
    )


_BESIDE = ("source", "context_length", "stored_dtype")
_ROW = TypeAdapter(DescribedModel)


def described_families() -> dict[str, list[DescribedModel]]:
    """The models of the table by family, but for those that are presets themselves."""
    families: dict[str, list[DescribedModel]] = {}
    for row in tabled_models():
        if row.model.name not in PRESETS:
            families.setdefault(row.family, []).append(row.model)
    return families


def aliases_of(name: str) -> tuple[str, ...]:
    """Further names of a model of the table, of others with the same sizes among them."""
    return next((row.names[1:] for row in tabled_models() if row.model.name == name), ())


def described_models() -> dict[str, DescribedModel]:
    """The same by name."""
    return {m.name: m for members in described_families().values() for m in members}


NO_SIZE = frozenset({
    "instruct", "it", "chat", "base", "hf", "thinking", "coder", "math", "vl", "qat", "meta",
    "fp8", "fp4", "nvfp4", "mxfp4", "bf16", "int8", "int4", "awq", "gptq", "w4a16", "w8a8",
    "dynamic", "block", "kv", "terminus", "nvidia",
})  # fmt: skip
"""Words of a name that leave a model's sizes as they are: other tuning, another format, a reader of
pictures before it. So do dates ('2507') and lengths of context ('128k')."""
_NO_SIZE_NUMBER = re.compile(r"\d{4}|\d{1,4}k")
_REPACKERS = frozenset({"amd", "neuralmagic", "nvidia", "redhatai", "unsloth"})
"""Owners on the hub of the same models in other formats."""


def normal_name(name: str) -> str:
    """A model's name without case, separators and words that leave its sizes as they are: both
    'Llama-3.3-70B-Instruct' and 'llama3.3 70b' are 'llama3.3-70b'."""
    words = re.findall(r"[a-z0-9.]+", name.lower())
    kept = [word for word in words if word not in NO_SIZE and not _NO_SIZE_NUMBER.fullmatch(word)]
    return re.sub(r"(?<!\d)-|-(?!\d)", "", "-".join(kept))


@cache
def _by_normal_name() -> dict[str, TabledModel]:
    return {normal_name(name): row for row in tabled_models() for name in row.names}


def tabled_model(name: str) -> DescribedModel | None:
    """The model of the table that a name or a hub id stands for; None where it is not there, and
    for a hub id of an owner who may mean another model by that name."""
    owner, slash, bare = name.lower().rpartition("/")
    row = _by_normal_name().get(normal_name(bare))
    if row is None or (slash and owner not in _REPACKERS and owner not in row.hub):
        return None
    return row.model
