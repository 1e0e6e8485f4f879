"""The strategy and the verifier that a run is asked for, by their words; few runs have either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.config import ModelInputError
from ..model.strategies.base import Strategy, draft_configs
from ..model.transformer import Transformer
from .errors import ProfileInputError
from .model_spec import Subject, resolve_subject

if TYPE_CHECKING:  # few runs have one
    from ..model.reward_model import TrainedVerifier
    from ..model.strategies.verifiers import Verifier

TRAINED = "trained"
"""What the setting `verifier` calls the one that --verifier opens."""


def verifier_of(folder: Path | None, subject: Subject) -> "TrainedVerifier | None":
    """The verifier in `folder`, for attempts of `subject`; ModelInputError as `open_verifier`."""
    if folder is None:
        return None
    from ..model.reward_model import open_verifier

    return open_verifier(folder, subject.dtype, subject.tokenizer)


def require_use(strategies: Sequence[str]) -> None:
    """Raise ProfileInputError where none of `strategies` is set to the trained verifier."""
    if not any(f"verifier={TRAINED}" in text.replace(" ", "") for text in strategies):
        raise ProfileInputError(
            "--verifier is for strategies that take one, best-of-n and beam, and none of these "
            f"does: {', '.join(strategies) or 'no strategy'}"
        )


def verifiers_with(trained: "Verifier | None") -> "dict[str, Verifier]":
    """Every verifier that a strategy may be set to."""
    from ..model.strategies.verifiers import VERIFIERS

    return {**VERIFIERS} if trained is None else {**VERIFIERS, TRAINED: trained}


def verifiers_on(trained: "TrainedVerifier | None", model: Transformer) -> "dict[str, Verifier]":
    """The same for attempts of `model`, each in its cheapest form."""
    return verifiers_with(trained and trained.on(model))


def open_drafts(strategies: Sequence[Strategy], subject: Subject) -> dict[str, Transformer]:
    """The models that draft for `strategies`, as they are asked for.

    Raises ModelInputError for one that cannot be opened or run, and ProfileInputError for one that
    reads other tokens than `subject`.
    """
    names = {strategy.draft_model for strategy in strategies}
    opened = {name: _opened(name, subject) for name in names if name is not None}
    draft_configs(strategies, subject.config, opened)  # refuses an exit that the model has not
    return opened


def _opened(name: str, subject: Subject) -> Transformer:
    try:
        draft, tokenizer = resolve_subject(name, "own", subject.dtype), subject.tokenizer
    except ModelInputError as error:
        raise ModelInputError(
            f"draft={name} is neither ngram nor early-exit, and as a model: {error}"
        ) from None
    if tokenizer is None or draft.tokenizer is None or not tokenizer.same_ids(draft.tokenizer):
        raise ProfileInputError(
            f"draft={name} reads other tokens than {subject.config.name}, for which it is to "
            "draft: choose a model of the same vocabulary, draft=ngram or draft=early-exit"
        )
    return draft.load(seed=0, run_bytes=0)


def verifier_said(trained: "TrainedVerifier", model: Transformer) -> str:
    """What the verifier is, in a sentence."""
    where = (
        "the model's own states, which are at hand but for the last token's"
        if trained.reads(model)
        else "a trunk of its own, which reads every attempt anew and is not in what a slice must "
        "hold"
    )
    return (
        f"The verifier '{TRAINED}' is a head of {trained.units} hidden units from "
        f"{trained.folder} on {where}."
    )


@dataclass(frozen=True)
class StrategyRequest:
    """A strategy as --strategy takes it; its setting `verifier` may name the trained one."""

    text: str
    verifier: "TrainedVerifier | None" = None
    drafts: Mapping[str, Transformer] = field(default_factory=dict)

    def parsed(self, verifiers: "Mapping[str, Verifier] | None" = None) -> Strategy:
        """A new one, in whose answer cache, if it has one, nothing is yet."""
        from ..model.strategies.registry import parse_strategy

        return parse_strategy(self.text, verifiers or verifiers_with(self.verifier))

    def verifiers_on(self, model: Transformer) -> "dict[str, Verifier]":
        """Those that it may be set to, for attempts of `model`."""
        return verifiers_on(self.verifier, model)

    @property
    def settings(self) -> dict[str, str | int | float | bool | None]:
        """Every setting, those left to their defaults too."""
        from ..model.strategies.registry import settings_of

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
        from ..model.strategies.registry import with_verifier

        text = with_verifier(text, TRAINED)
        require_use([text])
    request = StrategyRequest(text, verifier_of(verifier, subject))
    strategy = request.parsed()  # refuses what no strategy takes
    return replace(request, drafts=open_drafts([strategy], subject))
