"""What a training shows while it runs."""

from rooflink.profiling.training_cost import LoopListener


class Heard:
    """Keeps what a watcher hears."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.advanced: list[tuple[int, str]] = []

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        self.stages.append((what, total))

    def advance(self, units: int, note: str = "") -> None:
        self.advanced.append((units, note))


def test_steps_done_before_and_the_first_which_compiles_tell_no_rate() -> None:
    heard = Heard()
    listener = LoopListener("mine", heard)
    listener.resumed(60)
    for step in (70, 80, 90):
        listener.advanced({"step": step, "loss": 0.1234}, 100)
    assert heard.stages[1] == ("Training mine, 60 of 100 done before", 30)
    assert [units for units, _ in heard.advanced] == [0, 10, 10]


def test_loss_reward_and_the_test_are_told() -> None:
    heard = Heard()
    listener = LoopListener("mine", heard)
    listener.advanced({"step": 1, "loss": 0.1234}, 2)
    listener.advanced({"step": 2, "reward": 0.5, "test_right": 30, "test_problems": 40}, 2)
    assert heard.stages[1] == ("Training mine", 1)
    assert [note for _, note in heard.advanced] == [
        "loss 0.123",
        "reward 0.5, 75% of test problems right",
    ]
