"""Small programs of the kinds that XLA's own tests, MaxText and tunix have, with bytes by hand.

The comments at the head of each file in cases/ say what is expected of it:

    hbm = 2 * 4096       HBM bytes of the whole program
    row y = 64           HBM bytes of one instruction over all its runs
    space VMEM = 0       bytes in another memory
    runs loop = 10       runs of a loop's body, over all entries
    early = 1            loops that may end before
    at most = 1          sentences that say why it is an upper bound
    unknown loop = 1     loops counted once
    refused: words       in the sentence that refuses it
"""

import re
from pathlib import Path

import pytest
from hlo_text import module_of_text

from rooflink.profiling.compiled.traffic.traffic import ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic
from rooflink.profiling.errors import ProfileInputError

CASES = sorted(Path(__file__).with_name("cases").iterdir())
_EXPECTED = re.compile(r"^// (hbm|row|space|runs|early|at most|unknown loop) ?(\w*) = (.+)$", re.M)
_REFUSED = re.compile(r"^// refused: (.+)$", re.M)


def test_there_are_thirty_and_more() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_bytes_by_hand(case: Path) -> None:
    text = case.read_text()
    if refused := _REFUSED.search(text):
        with pytest.raises(ProfileInputError, match=re.escape(refused[1])):
            module_of_text(text)
        return
    traffic = module_traffic(module_of_text(text))
    expected = _EXPECTED.findall(text)
    assert expected
    for what, name, figure in expected:
        assert figure_of(traffic, what, name) == eval(figure), (what, name)
    if not any(what == "at most" for what, _, _ in expected):
        assert traffic.upper_bounds == ()
    if not any(what == "unknown loop" for what, _, _ in expected):
        assert traffic.unresolved_loops == ()


def figure_of(traffic: ModuleTraffic, what: str, name: str) -> int:
    match what:
        case "hbm":
            return traffic.hbm_bytes()
        case "row":
            rows = [row for row in traffic.rows if re.fullmatch(rf"{name}(\.\d+)?", row.name)]
            return sum(row.bytes() for row in rows)
        case "space":
            return traffic.bytes_by_space().get(name, 0)
        case "runs":
            (runs,) = (loop.runs for loop in traffic.loops if loop.name == name)
            return runs
        case "early":
            return sum(loop.early_exit for loop in traffic.loops)
        case "unknown loop":
            return len(traffic.unresolved_loops)
    return len(traffic.upper_bounds)
