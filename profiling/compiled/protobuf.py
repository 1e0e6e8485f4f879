"""Protobuf messages described in code, for formats whose Python module no package ships."""

from collections.abc import Mapping
from typing import Any, Protocol

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Fields = Mapping[str, tuple[int, str]]
"""Field name -> its number and kind: a scalar or a message, `*` behind it if it is repeated, `?`
if it belongs to the message's one oneof (then a zero is written too)."""

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "double": _FIELD.TYPE_DOUBLE,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}


class Message(Protocol):
    """A message, whose fields are attributes."""

    def __getattr__(self, name: str, /) -> Any: ...

    def __setattr__(self, name: str, value: object, /) -> None: ...


class MessageClass(Protocol):
    """The class of a message, such as XSpace."""

    def __call__(self, **fields: object) -> Message: ...

    def FromString(self, data: bytes) -> Message:  # noqa: N802 - protobuf's own name
        """The message in `data`; DecodeError where it holds none."""


def message_classes(package: str, messages: Mapping[str, Fields]) -> dict[str, MessageClass]:
    """A class for each message; fields that are not named are skipped when reading."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    for name, fields in messages.items():
        _describe(file.message_type.add(name=name), fields, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def _describe(message: descriptor_pb2.DescriptorProto, fields: Fields, package: str) -> None:
    if any(kind.endswith("?") for _, kind in fields.values()):
        message.oneof_decl.add(name="one_of")
    for name, (number, kind) in fields.items():
        field = message.field.add(name=name, number=number)
        field.label = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
        if kind.endswith("?"):
            field.oneof_index = 0
        plain = kind.rstrip("*?")
        if plain in _SCALARS:
            field.type = _SCALARS[plain]
        else:
            field.type = _FIELD.TYPE_MESSAGE
            field.type_name = f".{package}.{plain}"
