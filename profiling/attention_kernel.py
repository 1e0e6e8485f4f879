"""Which kernel a device wants for the attention of one query an attempt."""

from typing import Any

from ..model.transformer import QueryKernel


def attention_kernel(device: Any) -> QueryKernel | None:
    """The kernel for a JAX device, described or real; None where XLA's own attention is as good.

    Where a TPU device is several cores (v5p), each with a VMEM of its own, XLA keeps the scores
    between its two matmuls in HBM; elsewhere it keeps them on the chip.
    """
    if device.platform != "tpu" or (getattr(device, "num_cores", None) or 1) < 2:
        return None
    from ..model.pallas_attention import PallasAttention  # Pallas is heavy, and seldom wanted

    return PallasAttention()
