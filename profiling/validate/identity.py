"""What makes two cases the same measurement, whatever file and line they come from."""

import hashlib

from ..predict.cases import Case


def case_key(case: Case) -> str:
    """16 hexadecimal digits of what was measured where, and the value: a published row keeps its
    key in another file, and the key does not give the value away."""
    where = f"{case.group}|{case.stack}|{case.slice.name}"
    said = f"{where}|{case.model}|{case.note}|{case.observed:.6g}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
