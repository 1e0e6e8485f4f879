"""Tokenizer: text to token ids and back, and a source's own chat template. The builders beside each
weight format make it; nothing here knows where a vocabulary came from."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn

import jinja2
import tokenizers
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .config import ModelInputError

THINK_MARKER = "</think>"
"""What reasoning models say when their thought is over (DeepSeek-R1, Qwen3)."""

# Tokens that end a turn in the families read here. Files often name one of them as eos and mean all
# (llama.cpp keeps such a list for the same reason).
TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>")

# Llama 3's template prints today's date; a prompt whose length changes by the day makes profiles
# that cannot be compared, so templates are told the date that Llama 3.1 falls back on.
TEMPLATE_DATE = datetime(2024, 7, 26)


class Tokenizer:
    """Encodes and decodes text with one model's vocabulary, and writes its chat prompts.

    Args:
        backend: the vocabulary, its merges and its splitting rules.
        where: the file or folder it came from, for error messages.
        end_ids: tokens that end a generation, as the source's metadata states them; control
            tokens of the vocabulary that end a turn (`TURN_ENDS`) are added.
        bos_id: the token that the source puts before every text; None if it puts none.
        chat_template: the source's Jinja2 template, if it has one.
        special_tokens: texts that templates may use, such as {"bos_token": "<s>"}.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        where: str,
        end_ids: Sequence[int] = (),
        bos_id: int | None = None,
        chat_template: str | None = None,
        special_tokens: Mapping[str, str] | None = None,
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend, self._where, self._bos_id = backend, where, bos_id
        self._special_tokens = dict(special_tokens or {})
        self._template = None if chat_template is None else _compiled(chat_template, where)
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

        At the `start` of a sequence the source's BOS, where it asks for one, comes first; it is
        not doubled when the text already starts with it, as chat prompts do. No EOS is ever added.
        """
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        if start and self._bos_id is not None and ids[:1] != [self._bos_id]:
            ids.insert(0, self._bos_id)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` without control tokens; bytes that are not yet UTF-8 become U+FFFD."""
        text: str = self._backend.decode([int(i) for i in ids], skip_special_tokens=True)
        return text

    def chat_prompt(self, user: str) -> str:
        """The prompt that asks for an answer to `user`, in the source's own chat format; the plain
        text where the source has no template. Raises ModelInputError where that refuses it."""
        if self._template is None:
            return user
        messages = [{"role": "user", "content": user}]
        try:
            return self._template.render(
                messages=messages, add_generation_prompt=True, **self._special_tokens
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise ModelInputError(
                f"the chat template of {self._where} refuses this prompt: {error}."
            ) from error


def _compiled(source: str, where: str) -> jinja2.Template:
    """The template under the rules transformers renders it with: sandboxed, blocks trimmed."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = TEMPLATE_DATE.strftime
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise ModelInputError(f"the chat template of {where} does not parse: {error}.") from error


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
