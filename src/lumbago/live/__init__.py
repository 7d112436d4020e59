"""A running scan: volumes as they arrive, values of the last ones, feedback within a TR."""

from lumbago.live.settings import Feedback, Live
from lumbago.live.stream import LiveStream, LiveValues
from lumbago.live.watching import watch

__all__ = ["Feedback", "Live", "LiveStream", "LiveValues", "watch"]
