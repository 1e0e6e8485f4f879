"""The readers of the fuzz tests, fuzzed with coverage as the guide: needs `pip install atheris`.

python tests/fuzz/atheris_targets.py                            names the subjects
python tests/fuzz/atheris_targets.py chips -max_total_time=600  fuzzes one, from its corpus

What stands in a module's READERS is a subject, with tests/fuzz/corpus/SUBJECT. A case that breaks
the property is written to crash-...; libFuzzer's other options are passed on.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from fuzzing import CORPUS, assert_reads_or_refuses, readers


def main() -> None:
    """Fuzz the subject that the command line names."""
    subjects = readers()
    if len(sys.argv) < 2 or sys.argv[1] not in subjects:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(subjects)} [libFuzzer options]")
    import atheris  # not of the test extra: it has no wheel for every Python

    reader = subjects[sys.argv[1]]
    atheris.instrument_all()

    def one(data: bytes) -> None:
        assert_reads_or_refuses(reader, data)

    atheris.Setup([sys.argv[0], *sys.argv[2:], str(CORPUS / sys.argv[1])], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
