"""How a folder's tensors are stored, by the `quantization_config` of its config.json: the one place
that knows which tensors of a file make one weight.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ..architecture import DTYPE_BITS
from ..config import ModelInputError
from ..styles import AS_COMPUTED, WeightDType, Widths
from .hf_config import QUANTISED_KEYS, Fields
from .quantised_formats import (
    Blocks,
    BlockSize,
    Parts,
    awq,
    gptq,
    mxfp4_experts,
    packed_fp4,
    packed_rows,
    plain_codes,
)


@dataclass(frozen=True)
class StoredWeights:
    """Quantised weights as their files have them."""

    words: str  # 'int4 in groups of 128 (awq)'
    dtype: str | None  # of DTYPE_BITS; None for a mixture
    size_bytes: int | None = None  # of all tensors; None where only config.json was opened
    kept: Widths = AS_COMPUTED  # in which the same values are held in memory


OURS = "quantised_by_rooflink"
"""In a config.json: codes and scales are those that the same values have in memory."""
_NARROW: dict[str, WeightDType] = {"int8": "int8", "int4": "int4", "fp8": "fp8"}

_SCALES = ("F32", "F16", "BF16")
_FP8, _WORDS, _INTEGERS = ("F8_E4M3",), ("I32",), ("I64", "I32")


@dataclass(frozen=True, eq=False)
class Layout:
    """The tensors that make one weight, by the ends of their names with the dtypes that each may
    have, the one of codes first; and how they unpack."""

    unpack: Callable[[Parts, int, BlockSize], Blocks]
    needed: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: str = ".weight"  # the end of the weight's own name
    transposed: bool = False  # the weight is [in, out]

    @property
    def codes(self) -> str:
        """The end of the name of the tensor of codes."""
        return next(iter(self.needed))


_FLOATS = Layout(plain_codes, {".weight": _FP8, ".weight_scale": _SCALES})
_INT8 = Layout(
    plain_codes,
    {".weight": ("I8",), ".weight_scale": _SCALES},
    {".weight_zero_point": ("I8", *_SCALES)},
)
_DEEPSEEK = Layout(plain_codes, {".weight": _FP8, ".weight_scale_inv": (*_SCALES, "F8_E8M0")})
_PACKED = Layout(
    packed_rows,
    {".weight_packed": _WORDS, ".weight_scale": _SCALES, ".weight_shape": _INTEGERS},
    {".weight_zero_point": _WORDS, ".weight_g_idx": _INTEGERS},
)
_GPTQ = Layout(
    gptq, {".qweight": _WORDS, ".qzeros": _WORDS, ".scales": _SCALES}, {".g_idx": _INTEGERS}
)
_GPTQ_V2 = replace(_GPTQ, unpack=partial(gptq, zero_offset=0))
_AWQ = Layout(awq, {".qweight": _WORDS, ".qzeros": _WORDS, ".scales": _SCALES})
_MXFP4 = Layout(packed_fp4, {".weight_packed": ("U8",), ".weight_scale": ("U8",)})
_NVFP4 = Layout(
    packed_fp4,
    {".weight_packed": ("U8",), ".weight_scale": _FP8, ".weight_global_scale": ("F32",)},
)
_GPT_OSS = Layout(
    mxfp4_experts, {"_blocks": ("U8",), "_scales": ("U8",)}, whole="", transposed=True
)


@dataclass(frozen=True)
class Scheme:
    """One way in which weights are stored."""

    dtype: str  # of DTYPE_BITS
    block: BlockSize  # [out, in] that share a scale
    layout: Layout

    def __str__(self) -> str:
        """'int4 in groups of 128'."""
        rows, columns = self.block
        if rows == 1:
            return f"{self.dtype} {f'in groups of {columns}' if columns else 'per channel'}"
        return f"{self.dtype} {f'in blocks of {rows} x {columns}' if rows else 'per tensor'}"

    def unpacked(self, parts: Parts) -> Blocks:
        """The codes and scales of one weight. Raises ValueError where they do not fit together."""
        return self.layout.unpack(parts, DTYPE_BITS[self.dtype], self.block)


@dataclass(frozen=True)
class Quantisation:
    """What a config.json states of its quantised weights."""

    method: str
    schemes: tuple[Scheme, ...]
    where: str
    is_ours: bool = False  # written by `write_quantised`

    @property
    def dtype(self) -> str:
        """Of most weights: the first scheme's."""
        return self.schemes[0].dtype

    def stored(self, size_bytes: int | None = None) -> StoredWeights:
        """The same, with the bytes of all tensors where these are known."""
        kept = (
            Widths(_NARROW[self.dtype], self.schemes[0].block[1]) if self.is_ours else AS_COMPUTED
        )
        return StoredWeights(str(self), self.dtype, size_bytes, kept)

    def __str__(self) -> str:
        """'int4 in groups of 128 (awq)'."""
        return f"{' and '.join(dict.fromkeys(map(str, self.schemes)))} ({self.method})"


def quantisation_of(fields: Fields) -> Quantisation | None:
    """What the config.json of `fields` says of quantised weights; None where it has none. Raises
    ModelInputError for a kind that is not read, and names the nearest that is."""
    inner = _stated(fields)
    if inner is None:
        return None
    method = inner.text("quant_method", "compressed-tensors" if "config_groups" in inner else None)
    if method not in _METHODS:
        raise _unread(inner, f"quantised by '{method}'")
    schemes = tuple(dict.fromkeys(_METHODS[method](inner)))
    ours = fields.get(OURS) is True and len(schemes) == 1 and schemes[0].dtype in _NARROW
    return Quantisation(method, schemes, fields.where, ours) if schemes else None


def stored_weights(fields: Fields) -> StoredWeights | None:
    """What the config.json of `fields` says of quantised weights: of a kind that is not read their
    bits alone. None where it says nothing of them. Raises ModelInputError where it is damaged."""
    inner = _stated(fields)
    try:
        found = quantisation_of(fields)
    except ModelInputError:
        assert inner is not None
        dtype = {4: "int4", 8: "int8"}.get(_bits(inner))
        method = inner.text("quant_method", "a method that is not stated")
        return StoredWeights(f"{dtype or 'a dtype that is not stated'} ({method})", dtype)
    return found.stored() if found else None


def _stated(fields: Fields) -> Fields | None:
    key = next((key for key in QUANTISED_KEYS if fields.get(key)), None)
    if key is None:
        return None
    stated = fields.get(key)
    if not isinstance(stated, dict):
        raise ModelInputError(f"{fields.where} has a '{key}' that is not an object.")
    return Fields(stated, f"'{key}' of {fields.where}")


def _bits(inner: Fields) -> int:
    """Of a weight, by the names of several methods; 0 where none is there."""
    named = (inner.get(key) for key in ("bits", "w_bit", "num_bits"))
    flags = {4: inner.get("load_in_4bit"), 8: inner.get("load_in_8bit")}
    return next((bits for bits in named if type(bits) is int), 0) or next(
        (bits for bits, flag in flags.items() if flag is True), 0
    )


def _unread(inner: Fields, what: str, nearest: str = "") -> ModelInputError:
    """The refusal of weights that are stored so, with the nearest kind that is read."""
    narrow = "awq or gptq in 4 bits" if 0 < _bits(inner) < 8 else "fp8, or compressed-tensors int8"
    return ModelInputError(
        f"{inner.where} has weights {what}, which is not read: the nearest that is read is "
        f"{nearest or narrow}; or use the unquantised model, or a GGUF file."
    )


def _require(inner: Fields, key: str, known: Sequence[object], default: object) -> None:
    """Raise ModelInputError unless the value of `key`, or `default`, is one of `known`."""
    value = inner.get(key)
    value = default if value is None else value
    if value not in known:
        raise _unread(inner, f"with '{key}' {value!r}", f"'{key}' {known[0]!r}")


def _group(inner: Fields, *keys: str) -> int | None:
    """Columns that share a scale; None, which files spell -1 too, for all."""
    key = next((key for key in keys if key in inner), keys[0])
    return None if inner.get(key) in (None, -1) else inner.integer(key)


def _block(inner: Fields, key: str) -> BlockSize:
    """Rows and columns of a block; all of both where the file states none."""
    stated = inner.get(key)
    if stated is None:
        return None, None
    if not isinstance(stated, list) or len(stated) != 2:
        raise ModelInputError(f"{inner.where} has '{key}' = {stated!r} where two sizes belong.")
    both = Fields(dict(zip(("rows", "columns"), stated, strict=True)), f"'{key}' of {inner.where}")
    return both.integer("rows"), both.integer("columns")


def _fp8(inner: Fields) -> Iterator[Scheme]:
    """DeepSeek-V3 and later, Qwen3-FP8, MiniMax-M2."""
    _require(inner, "fmt", ("e4m3", "float8_e4m3fn"), "e4m3")
    yield Scheme("fp8", _block(inner, "weight_block_size"), _DEEPSEEK)


def _fbgemm(inner: Fields) -> Iterator[Scheme]:
    """Llama-3.1-405B-FP8."""
    yield Scheme("fp8", (1, None), _FLOATS)


def _gptq(inner: Fields) -> Iterator[Scheme]:
    _require(inner, "bits", (4, 8), None)
    _require(inner, "checkpoint_format", ("gptq", "gptq_v2"), "gptq")
    block = (1, _group(inner, "group_size"))
    newer = inner.get("checkpoint_format") == "gptq_v2"
    yield Scheme(f"int{inner.integer('bits')}", block, _GPTQ_V2 if newer else _GPTQ)


def _awq(inner: Fields) -> Iterator[Scheme]:
    _require(inner, "w_bit" if "w_bit" in inner else "bits", (4,), None)
    _require(inner, "version", ("gemm", "GEMM"), "gemm")
    yield Scheme("int4", (1, _group(inner, "group_size", "q_group_size")), _AWQ)


def _mxfp4(inner: Fields) -> Iterator[Scheme]:
    """gpt-oss."""
    yield Scheme("fp4", (1, 32), _GPT_OSS)


_FORMATS: dict[str, dict[tuple[str, int], tuple[str, Layout]]] = {
    "pack-quantized": {("int", 4): ("int4", _PACKED), ("int", 8): ("int8", _PACKED)},
    "int-quantized": {("int", 8): ("int8", _INT8)},
    "float-quantized": {("float", 8): ("fp8", _FLOATS)},
    "naive-quantized": {("int", 8): ("int8", _INT8), ("float", 8): ("fp8", _FLOATS)},
    "nvfp4-pack-quantized": {("float", 4): ("fp4", _NVFP4)},
    "mxfp4-pack-quantized": {("float", 4): ("fp4", _MXFP4)},
}
"""Of compressed-tensors: (type, bits) -> (dtype, layout)."""


def _compressed_tensors(inner: Fields) -> Iterator[Scheme]:
    """A scheme for each of its groups of layers that quantises weights."""
    groups, sparsity = inner.get("config_groups"), inner.get("sparsity_config")
    if not isinstance(groups, dict) or not all(isinstance(g, dict) for g in groups.values()):
        raise ModelInputError(f"{inner.where} has 'config_groups' that are no objects.")
    if isinstance(sparsity, dict) and sparsity.get("format", "dense") != "dense":
        raise _unread(inner, f"that are sparse ({sparsity['format']!r})", "dense")
    for name, group in groups.items():
        weights = group.get("weights")
        where = f"'{name}' in {inner.where}"
        format_ = Fields(group, where).text("format", inner.text("format", "dense"))
        if weights is None or format_ == "dense":
            continue
        if not isinstance(weights, dict):
            raise ModelInputError(f"{where} has 'weights' that are not an object.")
        described = Fields(weights, where)
        kind = (described.text("type", "int"), described.integer("num_bits", 8))
        if kind not in _FORMATS.get(format_, {}):
            raise _unread(described, f"as '{format_}' of {kind[0]} in {kind[1]} bits")
        dtype, layout = _FORMATS[format_][kind]
        yield Scheme(dtype, _strategy(described), layout)


def _strategy(weights: Fields) -> BlockSize:
    """What shares a scale."""
    group = _group(weights, "group_size")
    strategy = weights.text("strategy", "group" if group else "tensor")
    _require(weights, "strategy", ("channel", "group", "tensor_group", "block", "tensor"), strategy)
    if strategy == "block":
        return _block(weights, "block_structure")
    return (None, None) if strategy == "tensor" else (1, None if strategy == "channel" else group)


_METHODS: dict[str, Callable[[Fields], Iterator[Scheme]]] = {
    "awq": _awq, "compressed-tensors": _compressed_tensors, "fbgemm_fp8": _fbgemm, "fp8": _fp8,
    "gptq": _gptq, "mxfp4": _mxfp4,
}  # fmt: skip
