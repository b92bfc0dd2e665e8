"""Stage 2, segments: who belongs to which segment at an instant, and since when.

``registry`` knows the segments and their parameters. ``evaluation`` computes members from the facts and writes
nothing. ``intervals`` keeps them in segment.membership for the journeys. ``stages`` counts lifecycle stages per day.
"""

from lifecycle_mail.segments.evaluation import Member, copy_members_ahead, members, size, write_csv
from lifecycle_mail.segments.intervals import SegmentCounts, erase_contexts, refresh
from lifecycle_mail.segments.registry import (
    Parameter,
    SegmentDefinition,
    definition,
    list_segments,
    parameters,
    readable_segments,
    segment_key,
)
from lifecycle_mail.segments.stages import count_stages

__all__ = [
    "Member",
    "Parameter",
    "SegmentCounts",
    "SegmentDefinition",
    "copy_members_ahead",
    "count_stages",
    "definition",
    "erase_contexts",
    "list_segments",
    "members",
    "parameters",
    "readable_segments",
    "refresh",
    "segment_key",
    "size",
    "write_csv",
]
