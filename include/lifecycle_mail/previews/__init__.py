"""What a segment is and would have done, for the people who decide about it. Above every stage: reads, writes nothing.

``looking`` counts the members at a moment, who of them may be mailed, and what they share with other segments.
``replaying`` says what the segment would have done at points of the past. ``showing`` writes both as text.
"""

from lifecycle_mail.previews.looking import Change, Pressure, Reach, SegmentPreview, judge, preview, reach
from lifecycle_mail.previews.replaying import DAILY, WEEKLY, Point, replay
from lifecycle_mail.previews.showing import markdown, runnable

__all__ = [
    "DAILY",
    "WEEKLY",
    "Change",
    "Point",
    "Pressure",
    "Reach",
    "SegmentPreview",
    "judge",
    "markdown",
    "preview",
    "reach",
    "replay",
    "runnable",
]
