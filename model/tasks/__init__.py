"""Problems with exact checkers, generated or read from files, in two disjoint splits."""

from .parse import bundled_problems, load_gsm8k, load_svamp, parse_generated, parse_task
from .task import (
    GeneratedTask,
    Problem,
    Split,
    Task,
    Trace,
)
