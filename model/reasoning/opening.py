"""Opening a session: the prompts of a batch are read, once for all attempts at each."""

import jax.numpy as jnp
import numpy as np

from ..errors import ModelInputError
from .engine import Engine, Questions
from .passes import ROOT, PassLog, PassRecord
from .rows import Rows, read_prompts, share, up_to_step
from .session import Session


def open_session(
    engine: Engine,
    questions: Questions,
    attempts: int,
    log: PassLog | None = None,
    first_attempt: int = 0,
    phase: str = "prefill",
    forced: tuple[int, ...] = (),
    present: np.ndarray | None = None,
    roots: np.ndarray | None = None,
    scored: bool = True,
) -> Session:
    """Read the prompts of `questions`, once for all `attempts` at each, in one pass of `phase`.

    `forced` tokens follow every prompt in the same pass and are said by every attempt. Questions
    that are not `present` [B] have idle rows. `first_attempt` numbers the attempts. `roots` [B, 1]
    are the branches that this pass works for, new ones by default. Where the prompts are read for
    their cache alone, and not for what follows them, they are not `scored`.

    Raises ModelInputError for an empty prompt or one that does not fit the model's context.
    """
    lengths = np.array([len(prompt) for prompt in questions.prompts])
    _require(engine, lengths)
    B = len(lengths)
    log = PassLog() if log is None else log
    taking_part = np.ones(B, bool) if present is None else present
    slots = up_to_step(max(int(lengths.max()), engine.prompt_slots) + len(forced))
    padded = np.zeros((B, slots), np.int32)
    for row, prompt in zip(padded, questions.prompts, strict=True):
        row[: len(prompt) + len(forced)] = [*prompt, *forced]
    read = lengths + len(forced)
    roots = log.new_branches(np.full((B, 1), ROOT)) if roots is None else roots
    keys = engine.keys(questions.numbers, attempts, first_attempt)
    with engine.during(phase):
        cache, logits = read_prompts(engine.model, jnp.asarray(padded), jnp.asarray(read))
        session = Session(
            engine=engine,
            log=log,
            asked=questions,
            first_attempt=first_attempt,
            present=taking_part,
            prompt_lengths=read,
            forced=forced,
            prompt_logits=logits,
            roots=roots,
            rows=Rows(
                cache=share(cache, attempts, up_to_step(engine.longest)),
                keys=keys,
                slot=jnp.int32(0),
            ),
        )
        tokens = np.where(taking_part, read, 0)[None, :, None]
        session.note(_record(session, phase, tokens, scored, slots))
    return session


def _record(
    session: Session, phase: str, tokens: np.ndarray, scored: bool, slots: int
) -> PassRecord:
    none, read = np.zeros_like(tokens), tokens > 0
    return PassRecord(
        phase=phase,
        model=session.engine.name,
        questions=session.questions,
        prompt=np.zeros(tokens.shape[1], np.int64),
        own=none,
        tokens=tokens,
        heads=(read & scored).astype(np.int64),
        forced=np.where(read, len(session.forced), 0),
        copied=none,
        branches=session.roots,
        slots=slots,
    )


def _require(engine: Engine, lengths: np.ndarray) -> None:
    if not lengths.size or lengths.min() == 0:
        raise ModelInputError("a prompt has no tokens: give each prompt at least one word")
    if not engine.fits(int(lengths.max())):
        raise ModelInputError(
            f"a prompt of {lengths.max()} tokens with a thought and an answer of up to "
            f"{engine.longest} does not fit {engine.model.config.name}'s context of "
            f"{engine.model.config.context_length}: shorten the prompt or lower the budget"
        )
