"""Subject: the model under study, resolved by name before anything is allocated."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict

import jax

from ..model.architecture import DTYPE_BITS, LOGIT_BYTES
from ..model.config import PRESETS, WHAT_RUNS, DType, ModelConfig, ModelInputError, preset
from ..model.input_files import user_path
from ..model.layers import QUERY_BLOCK
from ..model.styles import AS_COMPUTED, LINEAR, Widths
from ..model.tokenizer import Tokenizer
from ..model.transformer import Transformer, random_transformer, transformer_from
from ..model.weights.host_memory import require_memory
from ..model.weights.layout import WeightSource, parameters
from ..model.weights.loading import EMBEDDED, open_weights, sizes_of
from .backend import attention_kernel, choose_backend
from .records.base import size_text

if TYPE_CHECKING:
    from ..model.weights.quantisation import StoredWeights

Weights = Literal["own", "none", "random"]


@dataclass(frozen=True)
class Subject:
    """A model's configuration and dtype, and where its weights would come from."""

    config: ModelConfig
    dtype: DType
    weights: str  # 'none', 'random' or what the source says of itself
    source: WeightSource | None
    stored: "StoredWeights | None" = None  # in files that are quantised

    @property
    def storage_note(self) -> str | None:
        """That the weights' files are narrower than what is counted and run; None where not."""
        if self.stored is None:
            return None
        said = f"The weights are stored as {self.stored.words}"
        widths = self.config.widths
        held = widths.weights or self.dtype
        wide = f"{size_text(self.config.weight_bytes(self.dtype))} in {held}"
        if widths.weights is not None and widths == replace(self.stored.kept, kv=widths.kv):
            return f"{said}, and held so: {wide} with what is in {self.dtype}."
        if self.source is None or self.stored.size_bytes is None:
            return f"{said}; counted and compiled as {wide}."
        read = size_text(self.stored.size_bytes)
        return f"{said}, {read}; dequantised on loading they are {wide}, which is what runs."

    @property
    def runs(self) -> bool:
        """Whether there is something to run; otherwise only its cost can be counted."""
        return self.weights != "none"

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The source's tokenizer; None without a source."""
        return self.source.tokenizer if self.source else None

    def load(self, seed: int, run_bytes: int) -> Transformer:
        """The model with its weights.

        Raises ModelInputError, before allocating, where weights and `run_bytes` (cache and
        scratch of the run) do not fit in memory; or for what is wrong with the weights.
        """
        plain = replace(self.config, widths=AS_COMPUTED)
        is_narrow = self.config.widths.weights is not None
        if jax.default_backend() == "cpu":
            needed_bytes = self.config.weight_bytes(self.dtype) + run_bytes
            require_memory(needed_bytes, f"{self.config.name} in {self.dtype} with its KV cache")
        kernel = attention_kernel(jax.devices()[0])
        if self.source is None:
            return random_transformer(self.config, self.dtype, seed, kernel)
        # Codes are made of what the files have, not of what it is in the run's dtype.
        arrays = parameters(plain, self.source.tensors(), "float32" if is_narrow else self.dtype)
        return transformer_from(self.config, self.dtype, arrays, kernel)


def resolve_subject(
    model: str, weights: Weights, dtype: DType | None, asked: Widths = AS_COMPUTED
) -> Subject:
    """`named_subject`, in the `asked` widths; matrices else as a folder that `quantize` wrote has
    them. Raises ModelInputError for a group of rows that does not divide, or without int4."""
    subject = named_subject(model, weights, dtype)
    kept = subject.stored.kept if subject.stored else AS_COMPUTED
    return replace(subject, config=in_widths(subject.config, asked, kept))


def in_widths(config: ModelConfig, asked: Widths, kept: Widths = AS_COMPUTED) -> ModelConfig:
    """`config` held as `asked`, and as `kept` where nothing is."""
    if asked.group is not None and asked.weights != "int4":
        raise ModelInputError("--weight-group is of int4: give --weight-dtype int4 with it")
    if asked.weights is None:
        return replace(config, widths=replace(kept, kv=asked.kv))
    if asked.weights != "int4":
        return replace(config, widths=asked)
    rows = {name: shape[-2] for name, shape in config.parameter_shapes.items()
            if name.rpartition(".")[2] in LINEAR}  # fmt: skip
    fitting = [one for one in GROUPS if all(count % one == 0 for count in rows.values())]
    group = asked.group or (fitting[0] if fitting else GROUPS[0])
    if group not in fitting:
        name, count = next((n, c) for n, c in rows.items() if c % group or group not in GROUPS)
        raise ModelInputError(
            f"groups of {group} rows do not divide the {count} rows of {name} in {config.name}: "
            f"--weight-group is one of {', '.join(map(str, fitting)) or 'none, so choose int8'}"
        )
    return replace(config, widths=replace(asked, group=group))


GROUPS = (128, 64, 32, 16)
"""Rows of a matrix that may share a scale of int4, those preferred first."""


def named_subject(model: str, weights: Weights, dtype: DType | None) -> Subject:
    """The model called `model`: a preset, a .gguf file, a Hugging Face folder or a hub id.

    With `weights` 'none' or 'random' nothing but its configuration is opened. `dtype` None chooses
    float32 on a CPU, and bfloat16 elsewhere and where nothing runs.

    Raises ModelInputError for an unknown model or one that cannot be read.
    """
    choose_backend()
    chosen = dtype or _default_dtype(weights)
    _require_passes(model)
    if weights == "own":
        source = open_weights(model)
        return Subject(source.config, chosen, source.description, source, source.stored)
    elsewhere = user_path(model).exists() or "/" in model or model.lower() == EMBEDDED
    if model.lower() in PRESETS or not elsewhere:
        return Subject(preset(_preset_of(model)), chosen, weights, None)
    sizes = sizes_of(model)
    if sizes.config is None:
        raise ModelInputError(
            f"{model} is of a kind that does not run here ({WHAT_RUNS}): `rooflink predict` tells "
            "its cost from its sizes"
        )
    return Subject(sizes.config, chosen, weights, None, sizes.stored)


def _require_passes(model: str) -> None:
    """Raise ModelInputError for a name of which only sizes come along."""
    if "/" in model or user_path(model).exists() or model.lower() in (*PRESETS, EMBEDDED):
        return
    from .predicted.models.described_models import tabled_model  # reads the table

    if (known := tabled_model(model)) is not None and known.name not in PRESETS:
        raise ModelInputError(
            f"of {known.name} only the sizes are known here ({WHAT_RUNS}): `rooflink predict` "
            "tells its cost from them"
        )


def _preset_of(model: str) -> str:
    """The preset that a name means, 'deepseek-r1' for 'DeepSeek-V3'; the name itself where none."""
    if model.lower() in PRESETS:
        return model
    from .predicted.models.described_models import tabled_model  # reads the table

    known = tabled_model(model)
    return model if known is None else known.name


def _default_dtype(weights: Weights) -> DType:
    runs_on_cpu = weights != "none" and jax.default_backend() == "cpu"
    return "float32" if runs_on_cpu else "bfloat16"


class RunDTypes(TypedDict, total=False):
    """As `predicted.query.PredictionRequest` has them."""

    weight_dtype: str
    kv_dtype: str | None
    matmul_dtype: str | None


def dtypes_of(subject: Subject) -> RunDTypes:
    """What a prediction of `subject` is told of dtypes: those that it runs in. Codes are multiplied
    as numbers of the dtype that the rest is in."""
    widths = subject.config.widths
    if widths.weights is None and widths.kv is None:
        return {"weight_dtype": subject.dtype}
    return {
        "weight_dtype": widths.weights or subject.dtype,
        "kv_dtype": widths.kv or subject.dtype,
        "matmul_dtype": subject.dtype,
    }


def run_bytes(
    config: ModelConfig, dtype: DType, batch: int, attempts: int, prompt_slots: int, slots: int
) -> int:
    """Bytes of KV cache, attention scores and logits that a batch needs beside the weights; with
    latent attention also of the keys and values of one layer that a prompt's latents are made into.

    Twice the cache of the prompt, which is shared out at the border of prefill; of a block of
    prefill's queries (`layers.QUERY_BLOCK`) two float32 score matrices, of all heads of one layer,
    and twice which positions each query of the prompt sees; float32 logits for each attempt, twice.
    """
    kv = config.kv_bytes_per_token(dtype) * batch * (2 * prompt_slots + attempts * slots)
    scores = 2 * 4 * batch * config.query_heads * min(prompt_slots, QUERY_BLOCK) * prompt_slots
    seen = 2 * batch * prompt_slots**2
    if config.latent_dim:
        width = config.head_dim + config.rotated_dim + (config.value_head_dim or config.head_dim)
        made = 2 * batch * prompt_slots * config.query_heads * width
        scores += made * DTYPE_BITS[dtype] // 8
    logits = 2 * LOGIT_BYTES * batch * attempts * config.vocab_size
    return kv + scores + seen + logits
