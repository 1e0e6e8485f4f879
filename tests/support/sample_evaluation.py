"""Pass logs written out by hand, and small evaluations, for tests that run no model."""

import numpy as np

from rooflink.model.config import ModelConfig
from rooflink.model.generation.pass_log import PassLog, PassRecord
from rooflink.profiling.evaluation.attempts_log import AttemptsLog, LoggedAttempt
from rooflink.profiling.evaluation.logged import LogRequest, evaluate_log
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.records.evaluation import (
    Evaluation,
    Frontier,
    Ledger,
    LedgerEntry,
    Option,
    SharedPrompt,
)
from rooflink.tpu_configs.slice import parse_slice

CONFIG = ModelConfig(
    name="tiny", family="llama", layers=2, embed_dim=16, query_heads=4, kv_heads=2, head_dim=4,
    mlp_dim=24, vocab_size=31, context_length=64, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=True,
)  # fmt: skip
THOUGHTS = (20, 30, 50)  # tokens about each question


def record(
    phase: str,
    tokens: np.ndarray,
    prompt: np.ndarray,
    own: np.ndarray,
    branches: np.ndarray,
    heads: np.ndarray | None = None,
    copied: np.ndarray | None = None,
    slots: int = 1,
) -> PassRecord:
    """A record whose rows want one position's logits each, unless `heads` says otherwise."""
    nothing = np.zeros_like(tokens)
    return PassRecord(
        phase=phase,
        model="model",
        questions=np.arange(tokens.shape[1]),
        prompt=prompt,
        own=own,
        tokens=tokens,
        heads=(tokens > 0).astype(np.int64) if heads is None else heads,
        forced=nothing,
        copied=nothing if copied is None else copied,
        branches=branches,
        slots=slots,
    )


def sampled_log(prompts: list[int], thoughts: np.ndarray) -> PassLog:
    """Prefill of `prompts`, then a think phase whose row (b, a) makes `thoughts[b, a]` passes."""
    B, A = thoughts.shape
    log = PassLog()
    roots = log.new_branches(np.full((B, 1), -1))
    lengths = np.array(prompts)
    read = lengths[None, :, None]
    log.records.append(
        record("prefill", read, np.zeros(B, np.int64), np.zeros_like(read), roots,
               slots=int(lengths.max()))
    )  # fmt: skip
    rows = log.new_branches(np.broadcast_to(roots, (B, A)))
    step = np.arange(int(thoughts.max()))[:, None, None]
    tokens = (step < thoughts).astype(np.int64)
    own = np.minimum(step, thoughts)
    log.records.append(record("think", tokens, lengths, own, rows))
    log.keep(rows.ravel())
    return log


def sample_ledger(think_tokens: int) -> Ledger:
    entry = {"discarded": False, "forced_tokens": 0, "flops": 10, "hbm_bytes": 5.0, "wall_j": None,
             "usd": None}  # fmt: skip
    return Ledger(
        entries=[
            LedgerEntry(phase="prefill", tokens=30, **entry),
            LedgerEntry(phase="think", tokens=think_tokens, **entry),
        ],
        saved=SharedPrompt(tokens=0, flops=0, hbm_bytes=0),
    )


def sample_evaluation() -> Evaluation:
    """From a log of two attempts at each of three problems, with ledgers as a run would have."""
    tried = [
        LoggedAttempt(problem=f"p{p}", strategy="samples", expected="1", answer=str((p + a) % 2),
                      prompt_tokens=30, completion_tokens=20)
        for p in range(3) for a in range(2)
    ]  # fmt: skip
    log = AttemptsLog(tried)
    found = evaluate_log(LogRequest(log, named_shape("llama3-8b"), [parse_slice("v5e-4")]))
    (cell,) = found.cells
    questions = [
        question.model_copy(update={"ledger": sample_ledger(tokens)})
        for question, tokens in zip(cell.questions, THOUGHTS, strict=True)
    ]
    ran = cell.model_copy(update={"questions": questions, "budget": 64, "wall_s": 6.0})
    options = [
        Option(label=name, cost=cost, accuracy=right, low=right, high=right, on_frontier=True,
               points_per_cost=None)
        for name, cost, right in (("a", 1e6, 0.3), ("b", 5e6, 0.8))
    ]  # fmt: skip
    frontiers = [Frontier(kind="usd", slice="v5e:2x2", options=options)]
    return found.model_copy(update={"cells": [ran], "frontiers": frontiers})
