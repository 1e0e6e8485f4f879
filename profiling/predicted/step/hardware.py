"""Hardware: the rates of one chip and its links as numbers that time may be differentiated by.

Operands: the dtype that the matrix units multiply, by the weights' dtype and the chip.

Efficiency: how far a stack on a chip stays behind the datasheet, and what it adds by itself.
"""

from dataclasses import dataclass

from ....model.architecture import dtype_bytes
from ....tpu_configs.chip import Chip
from ..arrays import Number, of_numbers
from .work import Widths

UNLIMITED = float("inf")


@of_numbers
@dataclass(frozen=True)
class Hardware:
    """Datasheet figures of one chip; what is not public does not limit."""

    matmul_flops: Number  # FLOP/s for the operands' dtype
    memory_bandwidth: Number  # B/s of the memory that holds the weights
    memory_bytes: Number  # its capacity
    on_chip_bandwidth: Number  # B/s
    link_bandwidth: Number  # B/s one way: of one link in a torus, of all together on a switch
    hop_s: Number  # latency of one hop
    tile: Number  # rows, and columns, of one matrix unit; 1 where it is not public
    cores: Number = UNLIMITED  # each of which works on parts of a kernel by itself


SLOWEST_NETWORK = 1.25e9
"""10 Gbit/s: a chip's share of the network where a chip's file has none."""
HOP_S = 1e-6
"""Latency of one hop where a chip's file has none: the JAX scaling book's figure for ICI."""


def link_rate(chip: Chip) -> float:
    """Bytes per second, one way, of what a collective goes through at once.

    One link of a torus or ring, whose other links are in the group's geometry; all links together
    where any chip reaches any other. Without links, the chip's share of the network.
    """
    links = chip.links
    if links is None or links.kind == "none":
        return network_rate(chip)
    together = 1.0 if links.kind in ("torus", "ring") else links.count.value
    return links.per_link_bandwidth.value * together


def network_rate(chip: Chip) -> float:
    """Bytes per second, one way, of one chip's share of the data center network."""
    figure = chip.network.data_center_bandwidth if chip.network else None
    return figure.value if figure else SLOWEST_NETWORK


def hardware_of(chip: Chip, dtype: str) -> Hardware:
    """The chip's rates for matmuls with operands of `dtype` (JAX's name).

    Raises ChipInputError for a dtype that is not known.
    """
    on_chip = chip.on_chip_memory.bandwidth if chip.on_chip_memory else None
    latency = chip.links.latency if chip.links else None
    tile = chip.matrix_unit.tile if chip.matrix_unit else None
    return Hardware(
        matmul_flops=chip.peak_flops(dtype).flop_per_s,
        memory_bandwidth=chip.hbm_bandwidth,
        memory_bytes=chip.hbm_capacity_bytes,
        on_chip_bandwidth=on_chip.value if on_chip else UNLIMITED,
        link_bandwidth=link_rate(chip),
        hop_s=latency.value if latency else HOP_S,
        tile=tile.value if tile else 1.0,
        cores=_cores(chip),
    )


def _cores(chip: Chip) -> float:
    """Cores of a GPU. Other chips' cores read the next part of a kernel while they work on one, so
    that no part has a least time: as if there were cores enough."""
    if chip.kind not in ("gpu", "edge gpu") or chip.cores is None:
        return UNLIMITED
    return float(chip.cores.per_chip.value)


_NATIVE = {"fp8": "float8_e4m3fn", "fp4": "float4_e2m1fn"}
"""Formats whose activations engines quantise along, as JAX names them."""
_WIDENED = ("int8", "int4", "fp8", "fp4")


def operand_dtype(chip: Chip, weight_dtype: str) -> str:
    """The operands' dtype (JAX's name) where nobody asks for one.

    Weights of 8 or 4 bits in floating point are multiplied as they are where the chip has a peak
    of its own for them; integers are widened, as weight-only quantisation does, and so is what a
    chip has no unit for; a unit for integers alone multiplies those as int8. Wider weights are
    multiplied as they are.
    """
    if chip.peak.widest == "int8" and weight_dtype in ("int8", "int4"):
        return "int8"
    native = _NATIVE.get(weight_dtype)
    if native is not None and chip.peak_flops(native).dtype == native:
        return native
    return "bfloat16" if weight_dtype in _WIDENED else weight_dtype


QUANTISED_INPUTS = 3.0
"""Of a layer's matmuls, what engines quantise by kernels of their own where operands have 8 or 4
bits: the inputs of attention and of the MLP, and attention's result. The product inside an MLP is
quantised as it is made (vLLM's `silu_mul_quant` fusion)."""


def quantised_inputs(operand: str) -> float:
    """Those of matmuls whose operands have the dtype `operand` (JAX's name)."""
    return QUANTISED_INPUTS if operand in _NATIVE.values() else 0.0


def widths_of(weight_dtype: str, kv_dtype: str, operand: str) -> Widths:
    """Bytes of one element of each, of dtypes as the command line or JAX has them; KeyError for
    one that is not known."""
    weight, kv, activation = map(dtype_bytes, (weight_dtype, kv_dtype, operand))
    return Widths(weight, kv, activation, quantised_inputs(operand))


def jax_dtype(dtype: str) -> str:
    """JAX's name of a dtype as the command line has it."""
    return _NATIVE.get(dtype, dtype)


@of_numbers
@dataclass(frozen=True)
class Efficiency:
    """By default the bare roofline's: datasheet figures reached, everything overlapped.

    Shares are of the datasheet's figure, in (0, 1]; times are seconds.

    Terms overlap in part: the compute, memory and on-chip times t_i of a step take together
    (sum t_i^p)^(1/p), their sum for p = 1, the largest for p without bound. Of the links' time
    `exposed_links` is not hidden behind that.
    """

    compute: Number = 1.0  # of the matrix units' peak, once padding is counted
    attention: Number = 1.0  # of that peak, in attention
    memory: Number = 1.0  # of the memory's bandwidth, where matmuls and attention read it
    vector: Number = 1.0  # of it, in elementwise kernels by themselves
    idle_experts: Number = 0.0  # of the experts that no token needs, share read all the same
    narrow_kv: Number = 0.0  # of the bytes that a cache below 16 bits saves, share lost
    kv: Number = 1.0  # of the memory's share, in reading keys and values
    links: Number = 1.0  # of the links' bandwidth
    overlap: Number = UNLIMITED  # p
    exposed_links: Number = 0.0
    narrow: Number = 0.0  # memory share lost for each halving of weights below the operands' width
    routed_s: Number = 0.0  # sending one token to one expert in one layer and back
    kernel_s: Number = 0.0  # a kernel's launch, as far as it is not hidden
    collective_s: Number = 0.0
    block_s: Number = 0.0  # least time of a core for one part of attention
    ramp_s: Number = 0.0  # one stage of a collective's pipeline, until data flows
    dispatch_s: Number = (
        0.0  # dealing tokens out to experts on other chips, besides the links' time
    )
    sequence_s: Number = 0.0  # host's work for one sequence in one step
    step_s: Number = 0.0  # host's work for one step
    bunched: Number = 0.0  # prompts that arrive with a request's own, of many in flight
    queued: Number = 0.0  # of the prompts that would be before it if all arrived at once, share
    request_s: Number = 0.0  # a request's arrival: reading its text, and the wait to be scheduled

    def waited(self, bunched: Number, queued: Number) -> Number:
        """Of so many prompts that may come first, those that a request waits for."""
        return bunched * self.bunched + queued * self.queued


IDEAL = Efficiency()
