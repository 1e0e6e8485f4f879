"""HLO text read in this process: for tests that write correct text, and many of it."""

from jaxlib import _hlo  # type: ignore[attr-defined]

from rooflink.profiling.compiled.hlo.module import Module
from rooflink.profiling.compiled.hlo.proto import parse_module
from rooflink.profiling.compiled.hlo.text import hlo_text


def proto_of_text(text: str) -> bytes:
    """A serialised HloModuleProto."""
    module = _hlo.hlo_module_from_text(hlo_text(text.encode(), "a test's text"))
    data: bytes = module.as_serialized_hlo_module_proto()
    return data


def module_of_text(text: str) -> Module:
    return parse_module(proto_of_text(text))
