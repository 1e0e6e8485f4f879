"""Problems with exact checkers, generated or read from files, in two disjoint splits."""

from .bundled import bundled_problems
from .gsm8k import load_gsm8k
from .parse import parse_generated, parse_task
from .problem import Problem, extract_number, plain_number, same_number
from .svamp import load_svamp
from .task import GeneratedTask, Split, Task, Trace

__all__ = [
    "GeneratedTask",
    "Problem",
    "Split",
    "Task",
    "Trace",
    "bundled_problems",
    "extract_number",
    "load_gsm8k",
    "load_svamp",
    "parse_generated",
    "parse_task",
    "plain_number",
    "same_number",
]
