"""Batch and lengths of a row, from its columns or the words around them."""

import re

from .table import LeftOutError, Row

_NUMBER = r"([\d,]*\.?\d+)"


def said(pattern: str, text: str) -> float | None:
    """The number that `pattern`, in which '#' stands for it, finds in `text`."""
    found = re.search(pattern.replace("#", _NUMBER), text)
    return float(found[1].replace(",", "")) if found else None


def input_tokens(row: Row) -> float:
    """Tokens of a prompt.

    Raises LeftOutError where they are not stated.
    """
    tokens = row.known("input_len")
    if tokens is None:
        raise LeftOutError("the length of the prompts is not stated")
    return tokens


def output_tokens(row: Row) -> float:
    """Tokens of an answer.

    Raises LeftOutError where they are not stated.
    """
    tokens = row.known("output_len")
    if tokens is None:
        raise LeftOutError("the length of the answers is not stated")
    return tokens


def history_tokens(row: Row) -> float:
    """Positions cached before the prompt: what the context holds besides prompt and answer."""
    context = row.known("context_len")
    if context is None:
        return 0.0
    counted = (row.known("input_len") or 0.0) + (row.known("output_len") or 0.0)
    return max(context - counted, 0.0)


def decode_context(row: Row) -> float:
    """Cached positions of a sequence, in the mean over the steps: as stated ('~600' too), else
    the prompt and half the answer. Caches count as full where a table (jax-llm-examples') does
    not say whether they were.

    Raises LeftOutError where neither is stated.
    """
    context = row.known("context_len") or said(r"^~?#", row.text("context_len"))
    if context is not None:
        return context
    prompt, answer = row.known("input_len"), row.known("output_len")
    if prompt is None or answer is None:
        raise LeftOutError("the context is not stated")
    return prompt + answer / 2


def decode_batch(row: Row) -> float:
    """Sequences in a step: measured, or tokens/s times the time per token, or as stated.

    Concurrency is not batch (requests wait, and prompts run in between), so a rate in the notes
    comes before it (Little's law).

    Raises LeftOutError where nothing says it.
    """
    if running := row.known("effective_running_batch"):
        return running
    rate = said(r"# (?:out|output) tok/s", row.text("notes"))
    if rate and row.text("unit") == "ms/tok":
        return rate * row.number("value") / 1e3
    if row.text("unit") == "tok/s" and (per_user := _rate_per_user(row.text("notes"))):
        return row.number("value") / per_user
    batch = row.known("batch_or_concurrency")
    if batch is None:
        raise LeftOutError("the batch is not stated")
    return batch


def _rate_per_user(notes: str) -> float | None:
    """The middle of '20-22 tok/s per user'."""
    found = re.search(r"([\d.]+)-([\d.]+) tok/s per user", notes)
    return (float(found[1]) + float(found[2])) / 2 if found else None
