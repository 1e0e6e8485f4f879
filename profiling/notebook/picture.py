"""A matplotlib figure that a notebook shows as a PNG, whatever backend is set."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..records.files import write_bytes


@dataclass(frozen=True)
class Picture:
    """The `figure`, to change or to draw on; `said` is what it shows, in words."""

    figure: Figure
    said: str

    def __repr__(self) -> str:
        return self.said

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        FigureCanvasAgg(self.figure).print_png(stream)
        return stream.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the PNG whole to `path` and return it."""
        where = Path(path)
        write_bytes(where, self._repr_png_())
        return where
