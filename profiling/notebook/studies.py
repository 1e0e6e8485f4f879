"""Verbs that return their record as it is: train, validate, calibrate, compare,
explore, levers and quantize."""

from collections.abc import Callable
from typing import TypeVar

from ..comparison import Comparison
from ..jobs.compare_job import CompareJob
from ..jobs.explore_job import Exploration, ExploreJob
from ..jobs.levers_job import LeversJob
from ..jobs.quantize_job import QuantisedFolder, QuantizeJob
from ..jobs.train_job import TrainJob
from ..jobs.validate_job import CalibrateJob, Calibration, ValidateJob
from ..reports.write_studies import write_levers, write_training, write_validation
from .functions import function_of
from .run_view import recorded

Record = TypeVar("Record")


def _as_it_is(result: Record) -> Record:
    return result


train = function_of(TrainJob, _as_it_is, first=("out",), write=write_training)
levers = function_of(LeversJob, _as_it_is, first=("model", "task"), write=write_levers)
validate = function_of(ValidateJob, _as_it_is, write=write_validation)
calibrate = function_of(CalibrateJob, _as_it_is, first=("out",), write=Calibration.write)
quantize: Callable[..., QuantisedFolder] = function_of(QuantizeJob, _as_it_is, first=("model",))
explore: Callable[..., Exploration] = function_of(ExploreJob, _as_it_is, first=("grid",))
compare: Callable[..., Comparison] = function_of(
    CompareJob, _as_it_is, first=("a", "b"), taken={"a": recorded, "b": recorded}
)
