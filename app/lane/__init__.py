"""Faust's per-record path replaced by a per-slice one. The only code that knows Faust's insides.

Decisions are plain objects (`desk` and what it is made of); subclasses of Faust only carry events to
them and act on their answers.
"""

import app.aiokafka_patches  # noqa: F401 - first: before any client is made
from app.lane.agent import run_slices
from app.lane.config import LaneConfig
from app.lane.consumer import NotRecorded
from app.lane.fatal import EXIT_PROTECT, die
from app.lane.faust_app import LaneApp, faust_options, install, lane_consumer
from app.lane.observer import LaneObserver
from app.lane.run import run
from app.lane.schema import slice_topic
from app.lane.slices import Record, Slice

__all__ = [
    "EXIT_PROTECT",
    "LaneApp",
    "LaneConfig",
    "LaneObserver",
    "NotRecorded",
    "Record",
    "Slice",
    "die",
    "faust_options",
    "install",
    "lane_consumer",
    "run",
    "run_slices",
    "slice_topic",
]
