"""A few problems that come with the package, so that the main job needs no file."""

import json
from importlib.resources import files

from .problem import Problem


def bundled_problems() -> list[Problem]:
    """Four one- and two-step word problems, written for this project (Apache-2.0)."""
    text = files(__package__).joinpath("bundled.json").read_text(encoding="utf-8")
    return [Problem(row["question"], row["expected"]) for row in json.loads(text)["problems"]]
