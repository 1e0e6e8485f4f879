"""The strategy that a profile is asked for, by its words and with its verifier."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model.reward_model import TrainedVerifier
from ..model.strategies.base import Strategy
from ..model.strategies.registry import parse_strategy, settings_of, with_verifier
from ..model.strategies.verifiers import Verifier
from .errors import ProfileInputError
from .model_spec import Subject
from .verifier_costs import TRAINED, require_use, verifier_of, verifiers_with


@dataclass(frozen=True)
class StrategyRequest:
    """A strategy as --strategy takes it; its setting `verifier` may name the trained one."""

    text: str
    verifier: TrainedVerifier | None = None

    def parsed(self, verifiers: Mapping[str, Verifier] | None = None) -> Strategy:
        """A new one, in whose answer cache, if it has one, nothing is yet."""
        return parse_strategy(self.text, verifiers or verifiers_with(self.verifier))

    @property
    def settings(self) -> dict[str, str | int | float | bool | None]:
        """Every setting, those left to their defaults too."""
        return settings_of(self.parsed(), verifiers_with(self.verifier))


def strategy_for(
    text: str | None, subject: Subject, verifier: Path | None = None
) -> StrategyRequest | None:
    """The strategy called `text` for `subject`, None for none; `verifier` is a folder.

    Raises ModelInputError for an unknown strategy or verifier; ProfileInputError for options that
    do not go together.
    """
    if text is None:
        if verifier is not None:
            raise ProfileInputError(
                "--verifier is for a strategy that takes one: add --strategy best-of-n or beam"
            )
        return None
    if not subject.runs or subject.tokenizer is None:
        raise ProfileInputError(
            "--strategy follows what a model answers, and without weights and a tokenizer of its "
            "own there is nothing to follow: take --weights own, or leave --strategy out"
        )
    if verifier is not None:
        text = with_verifier(text, TRAINED)
        require_use([text])
    request = StrategyRequest(text, verifier_of(verifier, subject))
    request.parsed()  # refuses what no strategy takes
    return request
