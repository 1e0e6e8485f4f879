"""Assumptions: what the report's figures stand on, each with its source or called a judgement."""

from collections.abc import Sequence

from ..predict.capacity import RESERVED_SHARE
from ..record.codesign import Assumption
from .cost_model import cost_assumptions, process_of
from .datacenter import BUSY, IDLE_SHARE
from .moves import DRAFT
from .point import MOST_SEQUENCES
from .search import SLOWEST_TOKEN_S
from .setting import Setting


def assumptions(cases: Sequence[Setting]) -> list[Assumption]:
    """Those of the cases, then those of the analysis, then the cost model's."""
    terms = {case.slice.chip.name: case for case in cases}
    costed = dict(process_of(case.slice.chip) for case in terms.values())
    return [
        *(_price(case) for case in terms.values()),
        *_shared(cases[0]),
        *_ours(),
        *(_judged(process_of(case.slice.chip)[1] + ".") for case in terms.values()),
        *(each for process_nm in sorted(costed) for each in cost_assumptions(process_nm)),
    ]


def _price(case: Setting) -> Assumption:
    hourly = case.terms.usd_per_chip_hour
    said = f"{hourly:g} USD" if hourly is not None else "unknown"
    return Assumption(
        sentence=f"An hour of one {case.slice.chip.name} costs {said}.",
        source=case.terms.price,
        confidence=case.slice.chip.confidence,
    )


def _shared(case: Setting) -> list[Assumption]:
    terms = case.terms
    return [
        Assumption(
            sentence=f"A server takes {terms.host_factor:g} times its accelerators' energy.",
            source=terms.host,
            confidence="as the source says",
        ),
        Assumption(
            sentence=f"The data center takes {terms.pue:g} times its servers' energy.",
            source=terms.pue_source,
            confidence="as the source says",
        ),
        Assumption(
            sentence=f"Electricity emits {terms.grid_g_per_kwh:g} g CO2e a kWh.",
            source=terms.grid,
            confidence="as the source says",
        ),
    ]


def _ours() -> list[Assumption]:
    said = (
        "A changed chip reaches the same shares of its figures as the one that is there.",
        "Rent follows what a chip costs to build; a larger part's watts and dollars are the cost "
        "model's.",
        f"At the largest batch a slice schedules at most {MOST_SEQUENCES:.0f} sequences.",
        "Bytes added to the on-chip memory keep weights from being read from HBM.",
        f"{RESERVED_SHARE:.0%} of the memory is kept for programs.",
        f"Drafting: {DRAFT.tokens:g} tokens ahead, acceptance {DRAFT.acceptance:g}, a draft's step "
        f"costs {DRAFT.cost:g} of the target's.",
        f"A chip that is searched for thinks a token within {SLOWEST_TOKEN_S:g} s unless told "
        "otherwise.",
        f"Slices are busy {BUSY:.0%} of the time at the mean load; an idle chip whose file has no "
        f"idle power draws {IDLE_SHARE:.0%} of its design power.",
    )
    return [_judged(each) for each in said]


def _judged(sentence: str) -> Assumption:
    return Assumption(sentence=sentence, source="judgement", confidence="low")
