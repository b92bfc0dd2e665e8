"""The errors of Lifecycle Mail: one small tree, below every stage of the path.

    LifecycleError
    ├── SettingsError        a setting is missing or makes no sense
    ├── DatabaseUnavailable  the warehouse cannot be reached
    ├── SchemaOutOfDate      the warehouse wants `migrate` first
    ├── FeedError            a feed file cannot be read at all (single rows go to source.rejected)
    ├── FutureRefused        a run was asked for a moment that has not come yet
    ├── SegmentError         no such segment or parameter, or a select that is wrong, forbidden, too slow or too dear
    ├── CampaignError        a campaign or topic file is wrong: file, line, what to write instead
    ├── TemplateError        a mail template is wrong, or lacks a variable
    ├── PlanningOverdue      a campaign has missed two periods of its schedule
    ├── DeliveryRefused      delivery may not start in this mode with these settings
    ├── SendingStopped       sending stopped by itself: refused access (401, 403), or a breaker
    ├── ClaimLost            mails of a claim changed state during it: nothing of it was sent
    ├── EventsError          an export of events cannot be read, or cannot be written
    ├── IntakeAlarm          too much of a file was refused, or something does not come any more
    ├── SyncError            the provider's suppression lists cannot be read or written
    ├── KpiError             the list of KPI facts is wrong, or the KPI tables do not add up
    └── RetentionRefused     months past their retention are still needed, or could not be dropped

Every message says what was wrong, where, and what to do, in one line, without personal data.
"""


class LifecycleError(Exception):
    """The base of all refusals: one readable line, and exit status 1."""


class SettingsError(LifecycleError):
    """A setting is missing or makes no sense."""


class DatabaseUnavailable(LifecycleError):
    """The warehouse cannot be reached."""


class SchemaOutOfDate(LifecycleError):
    """The warehouse lacks migrations this version needs."""


class FeedError(LifecycleError):
    """A feed file cannot be read at all."""


class FutureRefused(LifecycleError):
    """A run was asked to work for a moment, or a day, in the future."""


class SegmentError(LifecycleError):
    """There is no such segment, it does not take the parameter, or its select is wrong or beyond its limits."""


class CampaignError(LifecycleError):
    """A campaign or topic file is wrong."""


class TemplateError(LifecycleError):
    """A mail template is wrong, or a variable is missing."""


class PlanningOverdue(LifecycleError):
    """A campaign that is not paused has not planned for two periods of its schedule."""


class DeliveryRefused(LifecycleError):
    """Delivery may not start in this mode with these settings."""


class SendingStopped(LifecycleError):
    """Sending stopped by itself: the provider refused our access, or a campaign's breaker tripped."""


class ClaimLost(LifecycleError):
    """Mails of a claim changed state during it. The claim is undone, and nothing of it was sent."""


class EventsError(LifecycleError):
    """An export of events cannot be read, or cannot be written."""


class IntakeAlarm(LifecycleError):
    """Too large a share of a file was refused, or what should come does not. What was good is taken in."""


class SyncError(LifecycleError):
    """The provider's suppression lists cannot be read or written."""


class KpiError(LifecycleError):
    """A line of the list of KPI facts is wrong, or the KPI tables do not add up."""


class RetentionRefused(LifecycleError):
    """Months past their retention are still needed, or could not be dropped."""
