"""Test-time compute: strategies that spend more passes on a question to be right more often.

`Engine` (a model with its `Wording`) -> `open_session` -> stretches of thought and answer,
branches, verifiers -> `Answered`, whose `PassLog` holds every pass that was made.
"""

from .attempt import Answered, Attempt, Fate, Stop
from .engine import Engine, Questions
from .estimators import majority_at_k, pass_at_k
from .limits import Limit, TokenLimit
from .passes import PassLog, PassRecord
from .registry import (
    STRATEGIES,
    VERIFIERS,
    parse_strategy,
    settings_of,
    strategy_summaries,
    with_verifier,
)
from .strategy import Strategy, answer_all
from .verifier import (
    HeadVerifier,
    MeanLogprob,
    OnEngine,
    TokenVerifier,
    TrunkVerifier,
    Verifier,
)
from .wording import Wording, text_wording

__all__ = [
    "STRATEGIES", "VERIFIERS", "Answered", "Attempt", "Engine", "Fate", "HeadVerifier", "Limit",
    "MeanLogprob", "OnEngine", "PassLog", "PassRecord", "Questions", "Stop", "Strategy",
    "TokenLimit", "TokenVerifier", "TrunkVerifier", "Verifier", "Wording", "answer_all",
    "majority_at_k", "parse_strategy", "pass_at_k", "settings_of", "strategy_summaries",
    "text_wording", "with_verifier",
]  # fmt: skip
