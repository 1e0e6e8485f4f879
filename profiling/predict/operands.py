"""Operands: the dtype that the matrix units multiply, by the weights' dtype and the chip."""

from ...tpu_configs.chip import Chip

_NATIVE = {"fp8": "float8_e4m3fn", "fp4": "float4_e2m1fn"}
"""Formats whose activations engines quantise along, as JAX names them."""
_WIDENED = ("int8", "int4", "fp8", "fp4")


def operand_dtype(chip: Chip, weight_dtype: str) -> str:
    """The operands' dtype (JAX's name) where nobody asks for one.

    Weights of 8 or 4 bits in floating point are multiplied as they are where the chip has a peak
    of its own for them; integers are widened, as weight-only quantisation does, and so is what a
    chip has no unit for. Wider weights are multiplied as they are.
    """
    native = _NATIVE.get(weight_dtype)
    if native is not None and chip.peak_flops(native).dtype == native:
        return native
    return "bfloat16" if weight_dtype in _WIDENED else weight_dtype


def jax_dtype(dtype: str) -> str:
    """JAX's name of a dtype as the command line has it."""
    return _NATIVE.get(dtype, dtype)
