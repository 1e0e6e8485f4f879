"""Pass logs written out by hand, for tests that run no model."""

import numpy as np

from rooflink.model.config import ModelConfig
from rooflink.model.generation.pass_log import PassLog, PassRecord

CONFIG = ModelConfig(
    name="tiny", family="llama", layers=2, embed_dim=16, query_heads=4, kv_heads=2, head_dim=4,
    mlp_dim=24, vocab_size=31, context_length=64, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=True,
)  # fmt: skip


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
