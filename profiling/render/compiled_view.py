"""What the report templates say of one compiled target: its tables and the account per phase."""

from dataclasses import dataclass

from ..records import CompiledTarget, Profile
from . import compiled_tables as tables
from .compiled_facts import (
    ExcessLine,
    excess_lines,
    kind_class,
    kind_label,
    moved_by_kind,
    setting_texts,
    target_labels,
    verdict,
    warnings,
)
from .facts import KIND_LABELS
from .table import Table


@dataclass(frozen=True)
class PhaseAccount:
    """From asked for to compiled: a sentence, then every excess, then what is unexplained."""

    phase: str
    verdict: str
    lines: list[ExcessLine]


@dataclass(frozen=True)
class TargetView:
    """One target as the templates print it."""

    label: str
    setting: str
    warnings: list[str]
    accounts: list[PhaseAccount]
    kinds: dict[str, str]  # CSS class -> what it colours
    asked: Table
    executables: Table
    excesses: Table
    collectives: Table
    levels: Table
    scopes: list[Table]
    has_capacity: bool
    overflows: bool

    @property
    def all_tables(self) -> list[Table]:
        """Every table, the account from asked for to compiled next to the summary."""
        return [
            self.asked,
            self.excesses,
            self.executables,
            self.collectives,
            self.levels,
            *self.scopes,
        ]


def target_views(profile: Profile) -> list[TargetView]:
    """The targets of a profile, in its order."""
    labels = target_labels(profile.compiled)
    return [
        _view(target.model_copy(update={"target": label}))
        for label, target in zip(labels, profile.compiled, strict=True)
    ]


def _view(target: CompiledTarget) -> TargetView:
    return TargetView(
        label=target.target,
        setting="; ".join(filter(None, setting_texts(target))),
        warnings=warnings(target),
        accounts=[PhaseAccount(p.phase, verdict(p), excess_lines(p)) for p in target.phases],
        kinds=_kinds(target),
        asked=tables.asked_table(target),
        executables=tables.executables_table(target),
        excesses=tables.excess_table(target),
        collectives=tables.collectives_table(target),
        levels=tables.levels_table(target),
        scopes=[tables.scopes_table(target, phase) for phase in target.phases],
        has_capacity=any(phase.memory.capacity_bytes is not None for phase in target.phases),
        overflows=any(not phase.memory.fits for phase in target.phases),
    )


def _kinds(target: CompiledTarget) -> dict[str, str]:
    """Key of the colours, asked for and compiled; kinds that share one are named together."""
    found: dict[str, str] = {}
    for phase in target.phases:
        asked = [kind for kind in KIND_LABELS if getattr(phase.counted_bytes, kind)]
        for kind in (*asked, *moved_by_kind(phase)):
            css = kind_class(kind)
            shared = {"kind-copies": "compiler's copies", "kind-rest": "other"}
            found[css] = shared.get(css, kind_label(kind))
    return found
