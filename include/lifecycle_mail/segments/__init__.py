"""Stage 2, segments: who belongs to which segment at an instant, and since when.

``registry`` knows the segments and their parameters. ``reading`` runs a segment's select with few rights and in limited
time. ``evaluation`` computes members from the facts and writes nothing. ``intervals`` keeps them in segment.membership
for the journeys. A segment may be rules in place of SQL: ``rules`` reads them, ``compiling`` makes a select of them,
``sentences`` says them, and ``requests`` lets people ask for them. ``stages``
counts lifecycle stages per day. ``bought_together`` counts which products go with which,
and ``recommendations`` says what mails recommend.
"""

from lifecycle_mail.segments.bought_together import (
    HitRates,
    Thresholds,
    check_bought_together,
    is_check_due,
    is_refresh_due,
    refresh_bought_together,
)
from lifecycle_mail.segments.evaluation import (
    Member,
    copy_customers,
    copy_members_ahead,
    fitting,
    instant_text,
    members,
    require_segments,
    shown_sql,
    size,
    write_csv,
)
from lifecycle_mail.segments.forms import as_in_form, rules_of_form
from lifecycle_mail.segments.intervals import SegmentCounts, erase_contexts, refresh, refresh_rules
from lifecycle_mail.segments.reading import Limits, limited
from lifecycle_mail.segments.recommendations import About, Recommended, about, recommend
from lifecycle_mail.segments.registry import (
    Asked,
    Parameter,
    SegmentDefinition,
    definition,
    list_segments,
    parameters,
    readable_segments,
    rule_segments,
    runs_as,
    segment_key,
)
from lifecycle_mail.segments.requests import (
    Request,
    ask_for,
    asked_by,
    decide,
    export,
    keep_preview,
    keep_replay,
    learn_approved,
    requests_of,
    retire,
    rules_yaml,
    shown_preview,
    waiting,
)
from lifecycle_mail.segments.rules import (
    RuleSegment,
    condition_rules,
    facts_asked,
    parse_rules,
    read_rules,
    rules_schema,
    without_past,
)
from lifecycle_mail.segments.sentences import sentence
from lifecycle_mail.segments.stages import count_stages

__all__ = [
    "About",
    "Asked",
    "HitRates",
    "Limits",
    "Member",
    "Parameter",
    "Recommended",
    "Request",
    "RuleSegment",
    "SegmentCounts",
    "SegmentDefinition",
    "Thresholds",
    "about",
    "as_in_form",
    "ask_for",
    "asked_by",
    "check_bought_together",
    "condition_rules",
    "copy_customers",
    "copy_members_ahead",
    "count_stages",
    "decide",
    "definition",
    "erase_contexts",
    "export",
    "facts_asked",
    "fitting",
    "instant_text",
    "is_check_due",
    "is_refresh_due",
    "keep_preview",
    "keep_replay",
    "learn_approved",
    "limited",
    "list_segments",
    "members",
    "parameters",
    "parse_rules",
    "read_rules",
    "readable_segments",
    "recommend",
    "refresh",
    "refresh_bought_together",
    "refresh_rules",
    "requests_of",
    "require_segments",
    "retire",
    "rule_segments",
    "rules_of_form",
    "rules_schema",
    "rules_yaml",
    "runs_as",
    "segment_key",
    "sentence",
    "shown_preview",
    "shown_sql",
    "size",
    "waiting",
    "without_past",
    "write_csv",
]
