"""Custom calls: what runs inside them is not HLO, so their traffic is what they say it is."""

from ..hlo.module import Instruction

MOVE_NOTHING = frozenset(
    {
        "AllocateBuffer", "AssumeGatherIndicesInBound", "ConcatBitcast", "SPMDFullToShardShape",
        "SPMDShardToFullShape", "Sharding", "SliceToDynamic", "annotate_device_placement",
    }
)  # fmt: skip
"""Targets that only name, reserve or reinterpret memory."""


def estimated_bytes(call: Instruction) -> int | None:
    """Bytes that a Pallas (Mosaic) kernel says it accesses, read and written; None if it does not.

    `pallas_call(cost_estimate=...)` puts it there.
    """
    config = call.config.get("custom_call_config")
    estimate = config.get("cost_estimate") if isinstance(config, dict) else None
    if not isinstance(estimate, dict):
        return None
    value = str(estimate.get("bytes_accessed", ""))
    return int(value) if value.isdigit() else None
