"""Two phases of a small program as fixtures."""

from collections.abc import Callable

import pytest
from sample_programs import hlo_proto, two_phases

from rooflink.profiling.compiled.xprof import PhaseProgram


@pytest.fixture
def to_proto() -> Callable[[str], bytes]:
    """Makes a serialised HloModuleProto of HLO text."""
    return hlo_proto


@pytest.fixture
def phases() -> list[PhaseProgram]:
    """Prefill and think."""
    return two_phases()
