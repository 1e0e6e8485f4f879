"""Problems with exact checkers."""

from .bundled import bundled_problems
from .gsm8k import load_gsm8k
from .problem import Problem, extract_number, same_number

__all__ = ["Problem", "bundled_problems", "extract_number", "load_gsm8k", "same_number"]
