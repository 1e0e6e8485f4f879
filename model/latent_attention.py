"""Multi-head latent attention: one compressed vector a position, of which every head's keys and
values are made (DeepSeek-V2, arXiv:2405.04434, section 2.1).

Axis letters as in `config`; P prompt slots, S slots of each attempt. The cache has of a position
its latent [Z], normalised, and the part of its key that is rotated [R], both for all heads.

Two forms of one attention. Expanded: keys and values of every head are made of the latents, and
attention is as ever; a pair of positions costs 2 * (H + R) + 2 * O FLOPs a head. Absorbed: the
matrix that makes keys is multiplied into the query instead, and that of values into the result, so
that a query meets the latents as they lie: 2 * (Z + R) + 2 * Z FLOPs a pair, and nothing is made of
what was read before. A prompt's own pass takes the first, whatever follows it the second.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from .kv_cache import Context
from .layers import Block, Rotation, Visibility, attend, contract, rms_norm, rotate

LATENT_EPS = 1e-6
"""Of the norms of latents and of compressed queries, whatever the model's: the default of
`DeepseekV3RMSNorm`, as in the publisher's own code."""


class LatentBlock(Block):
    """A layer of latent attention and an MLP, with their norms; stacked as `Block`.

    Matrices that make keys and values of latents have heads as an axis of their own: each form
    multiplies by one head's at a time, and their last two axes are long.
    """

    latent_query: nnx.Param[Array]
    query_down: nnx.Param[Array]
    query_rank_norm: nnx.Param[Array]
    query_up: nnx.Param[Array]
    latent: nnx.Param[Array]
    latent_norm: nnx.Param[Array]
    key_up: nnx.Param[Array]
    value_up: nnx.Param[Array]

    def project(self, x: Array, rotation: Rotation) -> tuple[Array, Array, Array]:
        """Queries [B, A, T, 1, G, H + R], the last R rotated, and what is cached of `x`
        [B, A, T, D]: rotated parts of keys [B, A, 1, T, R] and latents [B, A, 1, T, Z]."""
        config, (cosines, sines) = self.config, rotation
        query = self._queries(x).reshape(*x.shape[:3], 1, config.query_heads, -1)
        made = contract("BATD,DW->BATW", x, self.latent[...])
        latents, keys = jnp.split(made, [config.latent_dim], axis=-1)
        latents = rms_norm(latents, self.latent_norm[...], LATENT_EPS)
        plain, turned = jnp.split(query, [config.head_dim], axis=-1)
        turned = rotate(turned, cosines[..., None, None, :], sines[..., None, None, :])
        query = jnp.concatenate((plain, turned), axis=-1)
        if config.attention_scale is not None:  # `attend` multiplies by the width ** -0.5
            query *= config.attention_scale * query.shape[-1] ** 0.5
        return query, rotate(keys, cosines, sines)[:, :, None], latents[:, :, None]

    def _queries(self, x: Array) -> Array:
        """[B, A, T, Y], all heads side by side."""
        if not self.config.query_rank:
            return contract("BATD,DY->BATY", x, self.latent_query[...])
        low = contract("BATD,DU->BATU", x, self.query_down[...])
        low = rms_norm(low, self.query_rank_norm[...], LATENT_EPS)
        return contract("BATU,UY->BATY", low, self.query_up[...])

    def attend(self, query: Array, context: Context, sees: Visibility) -> Array:
        """Values [B, A, T, 1, G, O] that the queries of `project` mix of what they see."""
        if context.prompt_keys.shape[2] == 0 and context.keys.shape[3] == query.shape[2]:
            return self.expanded(query, context, sees)
        return self.absorbed(query, context, sees)

    def expanded(self, query: Array, context: Context, sees: Visibility) -> Array:
        """As `attend`, where nothing was read before: each head with keys and values of its own."""
        with jax.named_scope("expansion"):
            latents, turned = context.values[:, :, 0], context.keys[:, :, 0]
            made = contract("BASZ,GHZ->BASGH", latents, self.key_up[...])
            values = contract("BASZ,GZO->BASGO", latents, self.value_up[...])
            turned = jnp.broadcast_to(turned[:, :, :, None], (*made.shape[:-1], turned.shape[-1]))
            keys = jnp.concatenate((made, turned), axis=-1)
            keys, values = keys.swapaxes(2, 3), values.swapaxes(2, 3)
        heads = jnp.swapaxes(query, 3, 4)  # each has a KV head of its own
        alone = Context(keys[:, 0, :, :0], values[:, 0, :, :0], keys, values)
        return attend(heads, alone, sees).swapaxes(3, 4)

    def absorbed(self, query: Array, context: Context, sees: Visibility) -> Array:
        """As `attend`: queries meet latents, and their mixture becomes values."""
        query *= (self.config.rotated_dim / query.shape[-1]) ** 0.5  # `attend` knows R alone
        plain, turned = jnp.split(query, [self.config.head_dim], axis=-1)
        with jax.named_scope("absorption"):
            asked = contract("BATGH,GHZ->GBATZ", plain[:, :, :, 0], self.key_up[...])
            asked = jnp.moveaxis(asked, 0, 3)[:, :, :, None]
        mixed = attend(turned, context, sees, of_values=asked)[:, :, :, 0]
        with jax.named_scope("absorption"):
            values = contract("BATGZ,GZO->GBATO", mixed, self.value_up[...])
            return jnp.moveaxis(values, 0, 3)[:, :, :, None]
