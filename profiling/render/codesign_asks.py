"""The first page of a co-design report: the asks, and the evidence that several of them share."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..records.codesign import Ask, CodesignReport
from .codesign_words import saving, saving_bounds, sentence_case


@dataclass(frozen=True)
class AskView:
    """One ask as the pages print it."""

    rank: int
    saving: str  # '31 % less time'
    bounds: str  # '25 to 37 %'
    sentence: str
    evidence: list[str]  # what the side's other asks do not rest on


@dataclass(frozen=True)
class SideView:
    """One team's asks."""

    side: str
    asks: list[AskView]
    compared: list[str]  # what makes its changes comparable
    shared: list[str]  # evidence of all of its asks, but not of the other side's


@dataclass(frozen=True)
class FirstPage:
    """Both teams' asks."""

    sides: list[SideView]
    shared: list[str]  # evidence that every ask of both sides rests on


def first_page(report: CodesignReport) -> FirstPage:
    """Each sentence of evidence once, where it says for how many asks it holds."""
    asks = {"hardware": report.hardware_asks, "model": report.model_asks}
    by_side = {side: _common(found) for side, found in asks.items()}
    both = _common([*report.hardware_asks, *report.model_asks])
    return FirstPage(
        sides=[
            SideView(
                side=side,
                asks=[_view(ask, by_side[side]) for ask in found],
                compared=list(dict.fromkeys(ask.steps for ask in found)),
                shared=[_said(each) for each in by_side[side] if each not in both],
            )
            for side, found in asks.items()
        ],
        shared=[_said(each) for each in both],
    )


def _common(asks: Sequence[Ask]) -> list[str]:
    """Evidence of every one of several asks, in the first one's order."""
    if len(asks) < 2:
        return []
    return [each for each in asks[0].evidence if all(each in ask.evidence for ask in asks)]


def _view(ask: Ask, shared: Sequence[str]) -> AskView:
    return AskView(
        rank=ask.rank,
        saving=saving(ask),
        bounds=saving_bounds(ask),
        sentence=sentence_case(ask.sentence),
        evidence=[_said(each) for each in ask.evidence if each not in shared],
    )


def _said(evidence: str) -> str:
    """As a sentence."""
    return sentence_case(evidence).rstrip(".") + "."
