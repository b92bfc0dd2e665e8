"""The path as one object: every composition that a DAG's task or a command calls.

Above every stage and below the command line; Airflow's tasks and the command line call the same functions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import decisions, delivery, events, journeys, kpis, messages, partitions, segments, sources
from lifecycle_mail.campaigns import Brand, Campaign, Topic, find_campaign, read_brand, read_topics
from lifecycle_mail.database import engine, lock, require_reachable
from lifecycle_mail.errors import SendingStopped, SettingsError
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.migrations import require_migrated
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class PlanReport:
    """What one planning run of a campaign did, stage by stage."""

    segment: segments.SegmentCounts
    enrolled: journeys.EnrollCounts
    advanced: journeys.AdvanceCounts
    decided: decisions.DecideCounts
    written: messages.WriteCounts

    def counts(self) -> dict[str, int]:
        """Return every number of the run in one flat dict."""
        parts = (self.segment, self.enrolled, self.advanced, self.decided, self.written)
        return {name: number for part in parts for name, number in part.counts().items()}


@dataclass(frozen=True)
class Installation:
    """One installation: settings, warehouse, topics, brand, templates."""

    settings: Settings
    engine: Engine
    topics: dict[str, Topic]
    brand: Brand

    @cached_property
    def library(self) -> TemplateLibrary:
        """The templates, read when first needed."""
        return TemplateLibrary(self.settings.templates_dir)

    def campaign(self, name: str) -> Campaign:
        """Read the campaign called `name` (CampaignError where there is none, or it is wrong)."""
        return find_campaign(self.settings.campaigns_dir, name, self.topics)

    def require_known(self, name: str) -> None:
        """Do nothing where a campaign is called so: its mails go on when its file is broken or gone.

        Raises:
            CampaignError: none was published, and there is no file (the nearest name is given), or it is wrong.
        """
        with self.engine.connect() as connection:
            known = journeys.is_published(connection, name)
        if not known:
            self.campaign(name)

    def load(
        self, folder: Path, progress: Callable[[str, int, int | None], None] = lambda feed, done, total: None
    ) -> sources.LoadReport:
        """Load the feed files of `folder`."""
        return sources.load_feeds(
            self.engine, folder, link_secret=self.settings.link_secret, progress=progress
        )

    def refresh_segment(self, campaign_name: str, as_of: dt.datetime) -> segments.SegmentCounts:
        """Bring the membership of the campaign's segment to `as_of`, and publish the campaign."""
        campaign = self.campaign(campaign_name)
        journeys.publish(self.engine, campaign, self.topics[campaign.topic])
        return segments.refresh(self.engine, campaign.segment.name, as_of, campaign.segment.parameters)

    def enroll(self, campaign_name: str, as_of: dt.datetime) -> journeys.EnrollCounts:
        """Begin series for members at `as_of`."""
        return journeys.enroll(self.engine, self.campaign(campaign_name), as_of)

    def advance(self, campaign_name: str, as_of: dt.datetime) -> journeys.AdvanceCounts:
        """End series, notice due steps."""
        return journeys.advance(self.engine, self.campaign(campaign_name), as_of)

    def decide(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> decisions.DecideCounts:
        """Decide due steps."""
        campaign = self.campaign(campaign_name)
        return decisions.decide(self.engine, campaign, self.topics[campaign.topic], as_of, now)

    def write_messages(self, campaign_name: str, now: dt.datetime) -> messages.WriteCounts:
        """Write planned mails for the decisions to send."""
        campaign = self.campaign(campaign_name)
        topic = self.topics[campaign.topic]
        return messages.write_messages(self.engine, campaign, topic, self.library, self.brand, now)

    def plan(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> PlanReport:
        """Do all five for one campaign; runs of one campaign take turns, stage by stage."""
        return PlanReport(
            segment=self.refresh_segment(campaign_name, as_of),
            enrolled=self.enroll(campaign_name, as_of),
            advanced=self.advance(campaign_name, as_of),
            decided=self.decide(campaign_name, as_of, now),
            written=self.write_messages(campaign_name, now),
        )

    def deliver(
        self,
        clock: Callable[[], dt.datetime],
        worker: str,
        shard: int = 0,
        progress: Callable[[delivery.DeliveryReport], None] = lambda report: None,
    ) -> delivery.DeliveryReport:
        """Send what may go now (modes simulate and live; a preview sends nothing)."""
        if self.settings.mode == "preview":
            return delivery.DeliveryReport()
        return delivery.deliver(
            self.engine, self.settings, self.topics, clock=clock, worker=worker, shard=shard, progress=progress
        )

    def sync_dag_pauses(self, paused: Iterable[str], known: Iterable[str], at: dt.datetime) -> None:
        """Copy the pauses of campaign DAGs (campaign names) into the flags every claim reads."""
        delivery.sync_dag_pauses(self.engine, paused, known, at)

    def waits(self, now: dt.datetime, campaign_name: str | None = None) -> list[str]:
        """Say which planned mails wait though nobody paused them, and for what."""
        return delivery.waits(self.engine, self.settings, self.topics, now, campaign_name)

    def require_not_stopped(
        self, now: dt.datetime, campaign_name: str | None = None, since: dt.datetime | None = None
    ) -> None:
        """Do nothing, unless sending stopped by itself: one campaign's, or (without a name) any since `since`.

        Mails that wait for an approval, a template or a topic have stopped as well, as long as they wait.

        Raises:
            SendingStopped: what stopped, when, why (rates and numbers), and what to do.
        """
        with self.engine.connect() as connection:
            found = delivery.stops(connection, campaign_name, since)
        found += self.waits(now, campaign_name)
        if found:
            raise SendingStopped("; ".join(found))

    def ingest(
        self,
        path: Path | None = None,
        progress: Callable[..., None] = lambda *counts: None,
        now: dt.datetime | None = None,
    ) -> events.IngestReport:
        """Ingest event exports: `path`, or the collector's folder.

        In live, events from after `now` are set aside: one would say for ever that the feed is up to date.
        """
        folder = path or self.settings.events_dir
        if folder is None:
            raise SettingsError("LIFECYCLE_EVENTS_DIR is not set: give the folder the collector writes to")
        groups = {
            topic.sendgrid_group_id: topic.topic
            for topic in self.topics.values()
            if topic.sendgrid_group_id is not None
        }
        return events.ingest(
            self.engine,
            folder,
            topics=groups,
            now=now if self.settings.mode == "live" else None,
            link_secret=self.settings.link_secret,
            progress=progress,
        )

    def pull_suppressions(self, now: dt.datetime) -> events.SyncReport:
        """Read SendGrid's suppression lists (modes simulate and live; a preview asks nothing)."""
        return events.pull(self.engine, self.settings, self.topics, now=now)

    def push_suppressions(
        self, now: dt.datetime, clock: Callable[[], dt.datetime] | None = None
    ) -> events.SyncReport:
        """Tell SendGrid of opt-outs it does not hold (modes simulate and live; a preview says nothing).

        `clock` tells when each batch was taken; without one, all were at `now`.
        """
        return events.push(self.engine, self.settings, self.topics, now=now, clock=clock)

    def roll_up(
        self,
        now: dt.datetime,
        since: dt.date | None = None,
        until: dt.date | None = None,
        full: bool = False,
    ) -> kpis.RollUpReport:
        """Bring the KPI tables up to date; `full` recomputes them from the facts."""
        return kpis.roll_up(
            self.engine,
            reporting_zone=self.settings.reporting_zone,
            now=now,
            since=since,
            until=until,
            full=full,
        )

    def ensure_months(self, now: dt.datetime) -> list[str]:
        """Make the monthly partitions of this month and the next two."""
        return partitions.ensure_months(self.engine, now, months_ahead=2)

    def retire_months(self, now: dt.datetime) -> partitions.RetentionReport:
        """Drop the months of raw events and decisions that are past their retention.

        Raises:
            RetentionRefused: a month is still needed, or was busy; the others are dropped.
        """
        keep = partitions.retention_of(self.settings)
        return partitions.retire_months(self.engine, now, keep).require_all()

    def summarize_addresses(self) -> int:
        """Make the filters that raw events of the last days lack, by which an erasure finds an address."""
        with self.engine.begin() as connection:
            return events.summarize_addresses(connection)

    def forget_places(self, now: dt.datetime) -> int:
        """Forget who took a place in days and weeks long past."""
        with self.engine.begin() as connection:
            return delivery.forget_places(connection, now)

    def erase(self, customer_id: str, now: dt.datetime, without_files: bool = False) -> bool:
        """Erase one person: personal columns, mails' personal parts, raw events, export files.

        A keyed hash of each of their addresses stays, so that the person is neither known nor mailed again. Another
        customer who holds one of the addresses, or held it before, lives on: what was said at that address stays,
        and only what names the person's own mails goes. Returns False where there is no such customer, or it was
        erased before. `without_files` leaves export files as they are where their folder is not known here.

        Raises:
            SettingsError: export files were read and their folder is not set; nothing was erased.
        """
        with self.engine.begin() as connection:
            lock(connection, "load")
            lock(connection, "ingest")
            address = sources.address_of(connection, customer_id)
            if address is None:
                return False
            if not without_files:
                self._require_files_known(connection)
            erased = sources.erase_customer(connection, customer_id, self.settings.link_secret, now)
            messages.erase_slots(connection, customer_id)
            for each in (address, *erased.former_addresses):
                self._erase_at(connection, customer_id, each, is_shared=each in erased.shared)
        return True

    def _erase_at(self, connection: Connection, customer_id: str, address: str, *, is_shared: bool) -> None:
        """Take a person out of events, places and export files at one of their addresses."""
        events.erase(connection, customer_id, address, is_shared=is_shared)
        if not is_shared:
            delivery.erase_places(connection, address)
        if self.settings.events_dir is not None:
            only_of = customer_id if is_shared else None
            events.scrub_files(connection, self.settings.events_dir, address, only_of=only_of)

    def _require_files_known(self, connection: Connection) -> None:
        """An erasure cannot be repeated: once the address is gone, no later one finds it in the export files."""
        if self.settings.events_dir is None and events.has_files(connection):
            raise SettingsError(
                "LIFECYCLE_EVENTS_DIR is not set, and export files were ingested, which hold addresses: nothing was "
                "erased; set it to their folder, or, where the files are gone, run `erase` with --without-files"
            )


def open_installation(settings: Settings) -> Installation:
    """Open an installation.

    Raises:
        DatabaseUnavailable, SchemaOutOfDate, CampaignError: one readable line each.
    """
    warehouse = engine(settings.database_url)
    require_reachable(warehouse)
    require_migrated(warehouse)
    return Installation(
        settings,
        warehouse,
        read_topics(settings.topics_file),
        read_brand(settings.brand_file, postal_address=settings.postal_address),
    )
