"""Sizes: what a model's config.json says, dense or a mixture of experts, and its shape."""

from dataclasses import dataclass

from .shape import NO_WINDOW, ModelShape

LATENT_KV_HEADS, LATENT_HEAD_DIM = 1, 288
"""Multi-head latent attention caches 512 compressed and 64 rotated elements a position, for all
heads together (DeepSeek-V2, arXiv:2405.04434, section 2.1; the same in V3, R1 and Kimi K2): as
many as keys and values of one head of 288. Its scores and values cost 2 * 320 FLOPs a head and
pair in prefill, 2 * 1088 in decoding on the compressed cache; here 2 * 576 stands for both."""


@dataclass(frozen=True)
class Sizes:
    """A decoder-only transformer's sizes; `mlp_dim` is one expert's in a mixture."""

    layers: float
    embed_dim: float
    query_heads: float
    kv_heads: float
    head_dim: float
    mlp_dim: float
    vocab_size: float
    gated: bool = True  # three matrices in the MLP, not two
    tied: bool = False
    experts: float = 1
    experts_per_token: float = 1
    shared_mlp_dim: float = 0  # of experts that every token visits
    dense_layers: float = 0  # layers without experts
    dense_mlp_dim: float = 0
    latent_parameters: float = 0  # of one layer's latent attention; 0 where attention is usual
    window: float = NO_WINDOW
    windowed_share: float = 0.0

    @property
    def attention_parameters(self) -> float:
        """Of one layer."""
        if self.latent_parameters:
            return self.latent_parameters
        heads = 2 * self.query_heads + 2 * self.kv_heads
        return self.embed_dim * self.head_dim * heads

    @property
    def _matrix(self) -> float:
        return (3 if self.gated else 2) * self.embed_dim

    @property
    def always_read_parameters(self) -> float:
        """Of one layer in the mean: attention, shared experts, the MLPs of dense layers."""
        mixed_share = 1 - self.dense_layers / self.layers
        shared = self._matrix * self.shared_mlp_dim * mixed_share
        dense = self._matrix * self.dense_mlp_dim * (1 - mixed_share)
        return self.attention_parameters + shared + dense

    @property
    def expert_parameters(self) -> float:
        """Of one expert (or of a dense MLP) in one layer, in the mean over all layers."""
        return self._matrix * self.mlp_dim * (1 - self.dense_layers / self.layers)

    @property
    def table_parameters(self) -> float:
        """Of the embedding and of the head."""
        return self.embed_dim * self.vocab_size * (1 if self.tied else 2)

    @property
    def parameters(self) -> float:
        """All of them, norms and biases left out."""
        layer = self.always_read_parameters + self.experts * self.expert_parameters
        return self.layers * layer + self.table_parameters

    @property
    def active_parameters(self) -> float:
        """Those that one token visits."""
        layer = self.always_read_parameters + self.experts_per_token * self.expert_parameters
        return self.layers * layer + self.table_parameters

    def shape(self) -> ModelShape:
        """As prediction takes it."""
        head = self.embed_dim * self.vocab_size
        return ModelShape(
            layers=self.layers,
            embed_dim=self.embed_dim,
            query_heads=self.query_heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            attention_parameters=self.always_read_parameters,
            mlp_parameters=self.experts * self.expert_parameters,
            active_mlp_parameters=self.experts_per_token * self.expert_parameters,
            experts_per_token=self.experts_per_token,
            head_parameters=head,
            embedding_parameters=0.0 if self.tied else head,
            vector_parameters=0.0,
            vocab_size=self.vocab_size,
            window=self.window,
            windowed_share=self.windowed_share,
        )
