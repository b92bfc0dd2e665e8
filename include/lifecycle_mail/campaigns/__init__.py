"""Campaign and topic files: YAML in version control, read strictly, refused with file and line.

Below the stages. Journeys, decisions, messages and delivery all read campaigns, and none of them owns campaigns.
"""

from lifecycle_mail.campaigns.brand import Brand, read_brand, survey_brand
from lifecycle_mail.campaigns.building import did_you_mean, in_file_order
from lifecycle_mail.campaigns.conditions import asked, shape_of
from lifecycle_mail.campaigns.documents import Document, parse_document, read_document
from lifecycle_mail.campaigns.files import (
    Survey,
    campaign_file,
    campaign_files,
    find_campaign,
    former_names,
    json_schema,
    line_of,
    read_campaign,
    read_campaigns,
    survey_campaign,
    template_places,
)
from lifecycle_mail.campaigns.models import (
    EVENT_RETRY_HOURS,
    JOIN_AHEAD_DAYS,
    SETTLE_AFTER_HOURS,
    Campaign,
    Cap,
    EndStep,
    Goal,
    HourRange,
    Limits,
    Offer,
    Recommend,
    SegmentUse,
    Sender,
    Step,
    Topic,
)
from lifecycle_mail.campaigns.schedules import period_at, tick_at_or_after, tick_at_or_before, two_periods_after
from lifecycle_mail.campaigns.topics import Topics, read_topics, survey_topics, topic_called, topics_schema

__all__ = [
    "EVENT_RETRY_HOURS",
    "JOIN_AHEAD_DAYS",
    "SETTLE_AFTER_HOURS",
    "Brand",
    "Campaign",
    "Cap",
    "Document",
    "EndStep",
    "Goal",
    "HourRange",
    "Limits",
    "Offer",
    "Recommend",
    "SegmentUse",
    "Sender",
    "Step",
    "Survey",
    "Topic",
    "Topics",
    "asked",
    "campaign_file",
    "campaign_files",
    "did_you_mean",
    "find_campaign",
    "former_names",
    "in_file_order",
    "json_schema",
    "line_of",
    "parse_document",
    "period_at",
    "read_brand",
    "read_campaign",
    "read_campaigns",
    "read_document",
    "read_topics",
    "shape_of",
    "survey_brand",
    "survey_campaign",
    "survey_topics",
    "template_places",
    "tick_at_or_after",
    "tick_at_or_before",
    "topic_called",
    "topics_schema",
    "two_periods_after",
]
