"""TrainJob: make a reasoner, or make one better."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import model_validator

from ..backend import choose_backend
from ..errors import ProfileInputError, Watcher
from ..records.training import Training
from .job import LARGEST_SEED, Option, UserPath, WritingJob, option

if TYPE_CHECKING:
    from ...model.training.recipes import MethodRecipe, Recipe

DEFAULT_START = "reasoner"
SUPERVISED: Final = "supervised"


class TrainJob(WritingJob):
    """Train a small reasoner, or make one better, on this machine.

    With no method: the committed recipe of the embedded reasoner, from scratch (about half an hour
    on two cores). A run that was stopped goes on where it was and ends with the same model. The
    folder opens as a model: `rooflink profile --model FOLDER`.

    Methods: **supervised** on worked thoughts; **rejection**, fine-tuning on a model's own attempts
    that the checker found right; **grpo**, policy gradient with the checker as reward;
    **verifier**, a head that tells right attempts from wrong ones, for
    `rooflink eval --verifier FOLDER`; **distill**, a smaller student.
    """

    record: ClassVar = "training"
    writes: ClassVar = (
        *WritingJob.writes, "curve.json", "config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    )  # fmt: skip
    own: ClassVar = {"checkpoint.safetensors": '"__metadata__"'}

    out: Annotated[UserPath, Option("Folder of the model, its checkpoint and its record.")]
    method: Literal["supervised", "rejection", "grpo", "verifier", "distill"] | None = option(
        None, "How to train  [default: the recipe's, else supervised]"
    )
    task: str | None = option(None, "chain:k=8, sum:n=8, countdown:n=3  [default: the recipe's]")
    start: str | None = option(
        None, "Model to start from: 'reasoner' or a folder that train wrote.", "--from"
    )
    recipe: Path | None = option(None, "A TOML recipe  [default: the method's committed one]")
    seed: int | None = option(None, "[default: the recipe's]", ge=0, le=LARGEST_SEED)
    updates: int | None = option(None, "Steps or rounds  [default: the recipe's]", ge=1)
    test_problems: int = option(400, "Problems of the test split to measure on.", ge=1)

    @model_validator(mode="after")
    def _supervised_starts_from_scratch(self) -> Self:
        if self.method in (None, SUPERVISED) and self.recipe is None:
            self._refuse_start()
        return self

    def run(self, watcher: Watcher, command: str = "python") -> Training:
        """Train, or go on. Raises ModelInputError or ProfileInputError."""
        from ...model.training.recipes import Recipe
        from ..training_cost import run_method, run_supervised

        choose_backend()
        recipe = self.loaded_recipe()
        if isinstance(recipe, Recipe):
            return run_supervised(recipe, self.out, command, watcher, self.test_problems)
        start = self.start or DEFAULT_START
        return run_method(recipe, start, self.out, command, watcher, self.test_problems)

    def loaded_recipe(self) -> "Recipe | MethodRecipe":
        """The method's committed recipe or the user's own, with task, seed and updates as asked."""
        from ...model.training.recipes import (
            Recipe,
            changed_recipe,
            committed_recipe,
            cut_recipe,
            load_recipe,
        )

        found = load_recipe(self.recipe or committed_recipe(self.method or SUPERVISED))
        own = SUPERVISED if isinstance(found, Recipe) else found.method
        if self.method not in (None, own):
            raise ProfileInputError(
                f"the recipe {self.recipe} is of the method '{own}', not '{self.method}': leave "
                "--method out"
            )
        found = changed_recipe(found, seed=found.seed if self.seed is None else self.seed)
        if isinstance(found, Recipe):
            self._refuse_start()
            return found if self.updates is None else cut_recipe(found, self.updates)
        steps = self.updates or found.steps
        return changed_recipe(found, task=self.task or found.task, steps=steps)

    def _refuse_start(self) -> None:
        if self.task is not None or self.start is not None:
            raise ProfileInputError(
                "supervised training starts from scratch on the tasks that its recipe mixes: leave "
                "--task and --from out, or write a recipe of your own and give it with --recipe"
            )

    def kept(self) -> str:
        if (self.out / "model.safetensors").exists():
            return (
                f"{self.out} holds the model as it was at its last checkpoint; the same command "
                "goes on from it"
            )
        return "nothing was written"
