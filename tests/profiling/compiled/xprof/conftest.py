"""Two phases of a small program as fixtures."""

from collections.abc import Callable

import pytest
from hlo_text import proto_of_text
from sample_programs import two_phases

from rooflink.profiling.compiled.xprof import PhaseProgram


@pytest.fixture
def to_proto() -> Callable[[str], bytes]:
    """Makes a serialised HloModuleProto of HLO text."""
    return proto_of_text


@pytest.fixture
def phases() -> list[PhaseProgram]:
    """Prefill and think."""
    return two_phases()
