"""Phases: every stretch of work that a strategy may make, in one list.

A new phase is one entry here and the strategy that makes it: all else takes the phases that it is
given, and looks up here what they are called and how their program is lowered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Program = Literal["prompt", "decode", "read", "check", "copy"]
"""What a phase runs: a pass over prompts; the decode loop, a token of each row a pass; a pass over
tokens that are given to the rows; the same with what follows each of them; a copy of cached
positions from row to row."""


@dataclass(frozen=True)
class Phase:
    """One phase: `order` is its place in tables, colours are CSS for light and dark pages."""

    name: str
    label: str  # at a row, a bar or an axis
    verb: str  # begins a sentence: 'Thinking took 80 % of the time'
    order: int
    colour: str
    dark_colour: str
    program: Program
    prompts: str = "prefill"  # the phase that read the prompts which its rows share
    timed_with: str | None = None  # the phase in whose program it runs: a clock tells both together

    @property
    def reads_given(self) -> bool:
        """Whether a pass reads several tokens that are there already, as in prefill."""
        return self.program in ("prompt", "read", "check")


PREFILL, THINK, ANSWER = "prefill", "think", "answer"
VERIFY, PROBE, BRANCH, RE_PREFILL, REVISE = "verify", "probe", "branch", "re-prefill", "revise"
DRAFT, CHECK = "draft", "check drafts"
THINK_AND_ANSWER = (PREFILL, THINK, ANSWER)

_ALL = (
    Phase(PREFILL, "prefill", "Reading the prompt", 0, "#2f66b0", "#6ea4ec", "prompt"),
    Phase(THINK, "think", "Thinking", 1, "#bd5216", "#f08a4b", "decode"),
    Phase(PROBE, "probe", "Probing for the answer", 2, "#b83b73", "#e878a8", "decode"),
    Phase(BRANCH, "branch", "Copying branches", 3, "#56657a", "#8fa0b8", "copy"),
    Phase(VERIFY, "verify", "Scoring the attempts", 4, "#8a6810", "#d6b04a", "read"),
    Phase(ANSWER, "answer", "Answering", 5, "#7d4aa8", "#b98ae0", "decode"),
    Phase(RE_PREFILL, "re-prefill", "Reading the prompts again", 6, "#1f7f8c", "#5cc0cc", "prompt"),
    Phase(REVISE, "revise", "Revising", 7, "#4f7a28", "#93bd63", "decode", RE_PREFILL),
    Phase(DRAFT, "draft", "Drafting", 8, "#a3a021", "#d8d45c", "decode", timed_with=CHECK),
    Phase(CHECK, "check drafts", "Checking drafts", 9, "#a03232", "#e07a7a", "check"),
)
PHASES: Mapping[str, Phase] = {phase.name: phase for phase in _ALL}
"""Every phase by name."""


def phase_named(name: str) -> Phase:
    """The phase called `name`; one that nobody declared, such as training's 'update', is grey and
    comes last."""
    declared = PHASES.get(name)
    return declared or Phase(
        name, name, f"Phase '{name}'", len(PHASES), "#5b626a", "#a0a7ae", "read"
    )
