"""Reading a compiled program from a file or from bytes: protobuf, HLO text, either gzipped.

No package ships `hlo_pb2`, so that the fields of XLA's messages that are read are described here.
Numbers are those of xla/service/hlo.proto and xla/xla_data.proto, which only ever appends;
protobuf skips the fields not named here.
"""

import gzip
import zlib
from pathlib import Path

from google.protobuf.message import DecodeError

from ...errors import ProfileInputError
from ..protobuf import Fields, message_classes
from .module import BrokenModuleError, Module, module_from

_MESSAGES: dict[str, Fields] = {
    "Tile": {"dimensions": (1, "int64*")},
    "Layout": {
        "minor_to_major": (1, "int64*"),
        "tiles": (6, "Tile*"),
        "element_size_in_bits": (7, "int64"),
        "memory_space": (8, "int64"),
    },
    "Shape": {
        "element_type": (2, "int32"),
        "dimensions": (3, "int64*"),
        "tuple_shapes": (4, "Shape*"),
        "layout": (5, "Layout"),
    },
    "Literal": {
        "u8s": (3, "bytes"),
        "s32s": (4, "int32*"),
        "s64s": (5, "int64*"),
        "u32s": (6, "uint32*"),
        "u64s": (7, "uint64*"),
    },
    "OpMetadata": {"op_name": (2, "string")},
    "ReplicaGroup": {"replica_ids": (1, "int64*")},
    "IotaReplicaGroups": {
        "num_replica_groups": (1, "int64"),
        "num_devices_per_group": (2, "int64"),
    },
    "CollectiveDevices": {
        "replica_groups": (1, "ReplicaGroup*"),
        "iota_replica_group_list": (2, "IotaReplicaGroups"),
    },
    "MeshAxis": {"size": (2, "int64")},
    "Mesh": {"axes": (1, "MeshAxis*")},
    "SubAxis": {"size": (2, "int64")},
    "AxisRef": {"mesh_axis_index": (1, "int64"), "sub_axis_info": (2, "SubAxis")},
    "MeshGroups": {"mesh": (1, "Mesh"), "axes": (2, "AxisRef*")},
    "WindowDimension": {
        "size": (1, "int64"),
        "stride": (2, "int64"),
        "padding_low": (3, "int64"),
        "window_dilation": (5, "int64"),
        "base_dilation": (6, "int64"),
    },
    "Window": {"dimensions": (1, "WindowDimension*")},
    "DotDimensions": {"lhs_contracting": (1, "int64*")},
    "ConvolutionDimensions": {
        "kernel_input_feature": (3, "int64"),
        "output_batch": (9, "int64"),
        "output_feature": (10, "int64"),
        "input_spatial": (11, "int64*"),
        "output_spatial": (12, "int64*"),
    },
    "OutputAlias": {
        "output_shape_index": (1, "int64*"),
        "operand_index": (2, "int64"),
        "operand_shape_index": (3, "int64*"),
    },
    "Instruction": {
        "name": (1, "string"),
        "opcode": (2, "string"),
        "shape": (3, "Shape"),
        "metadata": (7, "OpMetadata"),
        "literal": (8, "Literal"),
        "parameter_number": (9, "int64"),
        "tuple_index": (13, "int64"),
        "window": (15, "Window"),
        "convolution": (16, "ConvolutionDimensions"),
        "channel_id": (26, "int64"),
        "custom_call_target": (28, "string"),
        "dot": (30, "DotDimensions"),
        "id": (35, "int64"),
        "operand_ids": (36, "int64*"),
        "called_computation_ids": (38, "int64*"),
        "backend_config": (43, "bytes"),
        "replica_groups": (49, "ReplicaGroup*"),
        "batch_group_count": (61, "int64"),
        "comparison_direction": (63, "string"),
        "output_operand_aliasing": (74, "OutputAlias*"),
        "collective_device_list": (87, "CollectiveDevices"),
        "iota_groups": (92, "IotaReplicaGroups"),
        "mesh_groups": (93, "MeshGroups"),  # seen in libtpu 0.0.52's programs
    },
    "Computation": {
        "name": (1, "string"),
        "instructions": (2, "Instruction*"),
        "id": (5, "int64"),
        "root_id": (6, "int64"),
    },
    "HloModule": {
        "name": (1, "string"),
        "computations": (3, "Computation*"),
        "entry_computation_id": (6, "int64"),
    },
    "Hlo": {"hlo_module": (1, "HloModule")},
    "HloEnvelope": {"hlo_module": (1, "bytes")},
}

_CLASSES = message_classes("rooflink_hlo", _MESSAGES)

HloModuleProto = _CLASSES["HloModule"]
"""What `as_serialized_hlo_module_proto()` writes."""

HloProto = _CLASSES["Hlo"]
"""A module with its buffer assignment (skipped here): what `xla_dump_hlo_as_proto` writes."""

HloEnvelope = _CLASSES["HloEnvelope"]
"""The same with its module unread, as bytes."""


_GZIP = b"\x1f\x8b"
_TEXT = b"HloModule"

HOW_TO_SAVE = (
    "save one with `jax.jit(f).lower(...).compile()`, then `.as_text()`, or with "
    "XLA_FLAGS='--xla_dump_to=DIR --xla_dump_hlo_as_proto'"
)


def read_module(path: Path | str) -> Module:
    """The program in `path`: an HloProto, an HloModuleProto or HLO text, gzipped or not.

    Raises ProfileInputError, naming the file, where it cannot be read or holds no whole program.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ProfileInputError(f"cannot read {path}: {error.strerror or error}") from None
    return parse_module(data, str(path))


def parse_module(data: bytes, name: str = "the HLO program") -> Module:
    """The program in `data`, in any form that `read_module` takes; `name` is for errors."""
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ProfileInputError(
                f"{name} is a damaged or truncated gzip file: copy or make it again"
            ) from None
    if not data.strip():
        raise ProfileInputError(f"{name} is empty: {HOW_TO_SAVE}")
    if _is_text(data):
        return _from_proto(_text_to_proto(data, name), name)
    return _from_proto(data, name)


def _is_text(data: bytes) -> bool:
    """Whether the first line that is no comment begins HLO text."""
    lines = (line.strip() for line in data[:65536].splitlines())
    first = next((line for line in lines if line and not line.startswith(b"//")), b"")
    return first.startswith(_TEXT)


def _text_to_proto(data: bytes, name: str) -> bytes:
    """HLO text through XLA's own parser, which jaxlib ships."""
    from jaxlib import _hlo  # type: ignore[attr-defined]

    try:
        module = _hlo.hlo_module_from_text(data.decode())
        return module.as_serialized_hlo_module_proto()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise ProfileInputError(
            f"{name} is not HLO text that this jaxlib can read ({reason}): save the program as a "
            "protobuf, or use the jaxlib that wrote it"
        ) from None


def is_whole(data: bytes) -> bool:
    """Whether it is an HloProto, a module with what belongs to it, and no bare HloModuleProto.

    Both begin with field 1: a module in one, its name in the other.
    """
    try:
        return bool(HloProto.FromString(data).hlo_module.computations)
    except DecodeError:
        return False


def _from_proto(data: bytes, name: str) -> Module:
    """An HloProto or, failing that, an HloModuleProto."""
    reasons = []
    for read in (lambda data: HloProto.FromString(data).hlo_module, HloModuleProto.FromString):
        try:
            return module_from(read(data))
        except BrokenModuleError as problem:
            reasons.append(str(problem))
        except DecodeError:
            continue
    if reasons:
        raise ProfileInputError(f"{name} holds no whole HLO program ({reasons[0]}): {HOW_TO_SAVE}")
    raise ProfileInputError(f"{name} is truncated, damaged or not an HLO program: {HOW_TO_SAVE}")
