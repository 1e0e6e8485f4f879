"""Tokenizer: text to token ids and back, and a source's own chat template. The builders beside each
weight format make it; nothing here knows where a vocabulary came from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tokenizers

from .config import ModelInputError

if TYPE_CHECKING:  # a source without a template needs none of it
    from .chat_template import ChatTemplate

THINK_MARKER = "</think>"
"""What reasoning models say when their thought is over (DeepSeek-R1, Qwen3)."""

# Tokens that end a turn in the families read here. Files often name one of them as eos and mean all
# (llama.cpp keeps such a list for the same reason).
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>")


class Tokenizer:
    """Encodes and decodes text with one model's vocabulary, and writes its chat prompts.

    Args:
        backend: the vocabulary, its merges and its splitting rules; it neither pads nor truncates.
        end_ids: tokens that end a generation, as the source's metadata states them; control
            tokens of the vocabulary that end a turn (`TURN_ENDS`) are added.
        start_ids: tokens that the source puts before every text, such as a BOS.
        chat_template: the source's own, if it has one.
        prefixed: whether a space comes before every text, which the backend leaves out before one
            that begins with a space itself; SentencePiece does not.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        end_ids: Sequence[int] = (),
        start_ids: Sequence[int] = (),
        chat_template: "ChatTemplate | None" = None,
        prefixed: bool = False,
    ) -> None:
        self._backend, self._start_ids, self._template = backend, list(start_ids), chat_template
        self._prefixed = prefixed
        control = {t.content: i for i, t in backend.get_added_tokens_decoder().items() if t.special}
        turn_ends = {control[name] for name in TURN_ENDS if name in control}
        self.end_ids: frozenset[int] = frozenset(end_ids) | turn_ends

    @property
    def vocab_size(self) -> int:
        """Every id that `encode` returns is below this (a model's vocabulary may be padded)."""
        return max(self._backend.get_vocab().values(), default=-1) + 1

    def same_ids(self, other: "Tokenizer") -> bool:
        """Whether both have the same words under the same ids."""
        return self._backend.get_vocab() == other._backend.get_vocab()

    def encode(self, text: str, start: bool = True) -> list[int]:
        """Token ids of `text`, control tokens written in it recognised.

        At the `start` of a sequence come the source's own start tokens; they are not doubled when
        the text already begins with them. No EOS is ever added. Raises ModelInputError for half of
        a surrogate pair, which bytes of a command line become that are not UTF-8.
        """
        if self._prefixed and text.startswith((" ", "\u2581")):
            text = f" {text}"
        try:
            ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        except TypeError as error:  # what it says of half of a surrogate pair
            raise ModelInputError(f"{text!r} is no text in Unicode: write it as UTF-8") from error
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ModelInputError(
                f"the model's tokenizer cannot encode {text[:60]!r} ({error}): fetch it again"
            ) from error
        first = self._start_ids
        return ids if not start or ids[: len(first)] == first else [*first, *ids]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` without control tokens; bytes that are not yet UTF-8 become U+FFFD."""
        text: str = self._backend.decode([int(i) for i in ids], skip_special_tokens=True)
        return text

    def chat_prompt(self, user: str) -> str:
        """The prompt that asks for an answer to `user`, in the source's own chat format; the plain
        text where the source has no template. Raises ModelInputError where that refuses it."""
        return user if self._template is None else self._template.prompt(user)

    def chat_ids(self, user: str) -> list[int]:
        """The ids of `chat_prompt`. A template writes the start tokens where its model wants them:
        none are put before what it wrote."""
        return self.encode(self.chat_prompt(user), start=self._template is None)
