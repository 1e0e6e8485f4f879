"""QuantizeJob: a model's folder with its matrices in few bits."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ...model.styles import WeightDType, Widths
from ..backend import choose_backend
from ..errors import Watcher
from .job import GROUP_HELP, Job, Option, UserPath, option

if TYPE_CHECKING:
    from ...model.weights.layout import WeightSource

QUANTISED_SCHEMA = "rooflink.quantised/1"


@dataclass(frozen=True)
class QuantisedFolder:
    """What was written, and how much of it there is."""

    model: str
    folder: Path
    weight_dtype: str
    weight_group: int | None
    matrices: int  # quantised; embedding, norms, biases and routers are as they were
    read_bytes: int  # of all tensors
    written_bytes: int

    def as_dict(self) -> dict[str, object]:
        """For JSON, with its schema."""
        return {"schema": QUANTISED_SCHEMA, **asdict(self), "folder": str(self.folder)}


class QuantizeJob(Job):
    """Write a model's folder anew with its matrices in int8, int4 or fp8.

    The folder has config.json, safetensors as compressed-tensors lays them out and the tokenizer's
    files. It opens as a model, `rooflink profile --model DIR`, whose matrices are then held as they
    are stored. int8 and fp8 (e4m3) have a scale for each output channel, int4 for each group of
    inputs; embedding, norms, biases and routers stay as they are. Values are rounded to the
    nearest: nothing is calibrated, and what it does to answers is for `rooflink eval` to say.
    """

    model: Annotated[str, Option("'reasoner', a Hugging Face folder or hub id.", argument="MODEL")]
    to: Annotated[WeightDType, Option("Dtype of the matrices.")]
    out: Annotated[UserPath, Option("Folder to write, which may not exist.")]
    group: int | None = option(None, GROUP_HELP, ge=1)

    def run(self, watcher: Watcher, command: str = "python") -> QuantisedFolder:
        """Quantise and write. Raises ModelInputError."""
        from ...model.weights import open_weights
        from ...model.weights.quantised_folder import write_quantised
        from ..model_spec import in_widths

        choose_backend()
        source: WeightSource = open_weights(self.model)
        widths = in_widths(source.config, Widths(self.to, self.group)).widths
        watcher.stage(f"Quantising {source.config.name}")
        written = write_quantised(source, widths, self.out)
        return QuantisedFolder(
            source.config.name, self.out, self.to, widths.group, written.matrices,
            written.read_bytes, written.written_bytes,
        )  # fmt: skip
