"""Campaign and topic files: YAML in version control, read strictly, refused with file and line.

Below the stages: journeys, decisions, messages and delivery all read campaigns, and none owns them.
"""

from lifecycle_mail.campaigns.brand import Brand, read_brand
from lifecycle_mail.campaigns.files import (
    did_you_mean,
    find_campaign,
    json_schema,
    line_of,
    read_campaign,
    read_campaigns,
    read_topics,
)
from lifecycle_mail.campaigns.models import (
    EVENT_RETRY_HOURS,
    SETTLE_AFTER_HOURS,
    Campaign,
    Cap,
    Goal,
    HourRange,
    Limits,
    Offer,
    Sender,
    Step,
    Topic,
)

__all__ = [
    "EVENT_RETRY_HOURS",
    "SETTLE_AFTER_HOURS",
    "Brand",
    "Campaign",
    "Cap",
    "Goal",
    "HourRange",
    "Limits",
    "Offer",
    "Sender",
    "Step",
    "Topic",
    "did_you_mean",
    "find_campaign",
    "json_schema",
    "line_of",
    "read_brand",
    "read_campaign",
    "read_campaigns",
    "read_topics",
]
