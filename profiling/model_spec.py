"""Subject: the model under study, resolved by name before anything is allocated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import jax

from ..model.architecture import DTYPE_BITS, LOGIT_BYTES
from ..model.config import PRESETS, WHAT_RUNS, DType, ModelConfig, ModelInputError, preset
from ..model.input_files import user_path
from ..model.layers import QUERY_BLOCK
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
        wide = f"{size_text(self.config.weight_bytes(self.dtype))} in {self.dtype}"
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
        if jax.default_backend() == "cpu":
            needed_bytes = self.config.weight_bytes(self.dtype) + run_bytes
            require_memory(needed_bytes, f"{self.config.name} in {self.dtype} with its KV cache")
        kernel = attention_kernel(jax.devices()[0])
        if self.source is None:
            return random_transformer(self.config, self.dtype, seed, kernel)
        arrays = parameters(self.config, self.source.tensors(), self.dtype)
        return transformer_from(self.config, self.dtype, arrays, kernel)


def resolve_subject(model: str, weights: Weights, dtype: DType | None) -> Subject:
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
