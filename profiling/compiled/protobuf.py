"""Protobuf messages by their .proto file, for formats whose Python module no package ships."""

import re
from pathlib import Path
from typing import Any, Protocol

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD_LINE = re.compile(r"^( +)(repeated )?(\w+) (\w+) = (\d+);", re.MULTILINE)


class Message(Protocol):
    """A message, whose fields are attributes."""

    def __getattr__(self, name: str, /) -> Any: ...

    def __setattr__(self, name: str, value: object, /) -> None: ...


class MessageClass(Protocol):
    """The class of a message, such as XSpace."""

    def __call__(self, **fields: object) -> Message: ...

    def FromString(self, data: bytes) -> Message:  # noqa: N802 - protobuf's own name
        """The message in `data`; DecodeError where it holds none."""


def message_classes(package: str, proto: Path) -> dict[str, MessageClass]:
    """A class for each message of a .proto file; fields that it does not name are skipped when
    reading. Of the language these files need messages with plain and repeated fields, and one
    oneof in a message, whose fields are indented further."""
    file = descriptor_pb2.FileDescriptorProto(name=proto.name, package=package, syntax="proto3")
    for name, body in _MESSAGE.findall(proto.read_text(encoding="utf-8")):
        message = file.message_type.add(name=name)
        for field in _FIELD_LINE.findall(body):
            _add_field(message, package, *field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{package}.{message.name}")
        )
        for message in file.message_type
    }


def _add_field(
    message: descriptor_pb2.DescriptorProto, package: str, indent: str, repeated: str, kind: str,
    name: str, number: str,
) -> None:  # fmt: skip
    field = message.field.add(name=name, number=int(number))
    field.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    if len(indent) > 2:
        if not message.oneof_decl:
            message.oneof_decl.add(name="one_of")
        field.oneof_index = 0
    if kind[0].islower():  # a scalar
        field.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{package}.{kind}"
