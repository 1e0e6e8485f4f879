"""HTML that stands in a notebook's page: the report's style, kept inside one element.

The report's style sheet is nested under `.rooflink`, its dark colours follow the notebook's own
theme (JupyterLab, Colab, VS Code) and, where that is silent, the system's.
"""

import re
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..render.svg import phase_class
from ..render.templating import TEMPLATES, environment

HERE = Path(__file__).parent
LIGHT_THEMES = '[data-jp-theme-light="true"], html[theme="light"], .vscode-light'
DARK_THEMES = '[data-jp-theme-light="false"], html[theme="dark"], .vscode-dark'

_COLOURS = re.compile(r":root \{\n([^}]*)\}")
_SYSTEM_DARK = re.compile(r"@media screen and \(prefers-color-scheme: dark\) \{\n(.*?)\n\}\n", re.S)
_numbers = count()


def page(template: str, **values: Any) -> str:
    """The template of this package in a styled element; every one has its own `number`."""
    text = (HERE / template).read_text()
    return (
        environment(autoescape=True)
        .from_string(text)
        .render(style=Markup(style()), number=next(_numbers), phase_class=phase_class, **values)
    )


@cache
def style() -> str:
    """The report's CSS under `.rooflink`; :root and body stand for that element."""
    sheet = (TEMPLATES / "report.css").read_text()
    colours = _COLOURS.search(sheet)
    system_dark = _SYSTEM_DARK.search(sheet)
    dark = _COLOURS.search(system_dark[1]) if system_dark else None
    assert colours is not None, "report.css sets its colours in :root"
    assert dark is not None, "report.css has dark colours"
    nested = re.sub(r"(?m)^(\s*)(?::root|body) \{", r"\1& {", sheet)
    own = (HERE / "notebook.css").read_text()
    return (
        f".rooflink {{\n{nested}\n{own}\n}}\n"
        f":is({LIGHT_THEMES}) .rooflink {{ color-scheme: light;\n{_variables(colours[1])}}}\n"
        f":is({DARK_THEMES}) .rooflink {{ color-scheme: dark;\n{dark[1]}}}\n"
    )


def _variables(rules: str) -> str:
    """Colour variables without the other properties of the rule."""
    return re.sub(r"color-scheme:[^;]*;", "", rules)
