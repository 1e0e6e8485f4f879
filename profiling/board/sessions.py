"""XProf's sessions under a log directory: whether there are any, and whether they can be shown."""

from importlib.util import find_spec
from pathlib import Path

from .runs import files_under

TAB = "profile"
"""XProf's tab in TensorBoard, as its address has it."""

HOW = "pip install 'rooflink[xprof]'"


def is_session_file(path: Path) -> bool:
    """Whether it lies where XProf looks: plugins/profile/SESSION/HOST.xplane.pb."""
    return path.name.endswith(".xplane.pb") and path.parts[-4:-2] == ("plugins", "profile")


def has_sessions(folder: Path) -> bool:
    """Whether there is a session anywhere under `folder`."""
    return any(is_session_file(path) for path in files_under(folder))


def has_xprof() -> bool:
    """Whether TensorBoard will have XProf's tab."""
    return find_spec("xprof") is not None
