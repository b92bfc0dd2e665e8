"""The path as one object, with one method for each operation that a DAG's task or a command calls.

Above every stage and below the command line. Airflow's tasks and the command line call the same methods.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import (
    audiences,
    campaign_names,
    decisions,
    delivery,
    events,
    journeys,
    kpis,
    messages,
    partitions,
    planner_statistics,
    previews,
    segments,
    sources,
    time_zones,
    topic_names,
)
from lifecycle_mail.campaigns import (
    Brand,
    Campaign,
    Topic,
    did_you_mean,
    find_campaign,
    read_brand,
    read_campaigns,
    read_topics,
    topic_called,
)
from lifecycle_mail.database import engine, lock, rehearsal, require_reachable
from lifecycle_mail.errors import (
    CampaignError,
    LifecycleError,
    PlanningOverdue,
    SegmentError,
    SendingStopped,
    SettingsError,
)
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.migrations import require_migrated
from lifecycle_mail.moments import require_day_not_future, require_not_future, second
from lifecycle_mail.settings import UNSAID_ZONE, Settings

logger = logging.getLogger(__name__)

LISTEN_SECONDS = 30.0  # between two looks at what people said on our pages, while a delivery runs


@dataclass(frozen=True)
class PlanReport:
    """What one planning run of a campaign did, stage by stage.

    `late` is None, or one line: why the run was late, and what it would have planned in time.
    """

    segment: segments.SegmentCounts
    enrolled: journeys.EnrollCounts
    advanced: journeys.AdvanceCounts
    decided: decisions.DecideCounts
    written: messages.WriteCounts
    late: str | None = None

    def counts(self) -> dict[str, int]:
        """Return every number of the run in one flat dict."""
        parts = (self.segment, self.enrolled, self.advanced, self.decided, self.written)
        return {name: number for part in parts for name, number in part.counts().items()}


@dataclass(frozen=True)
class Approved:
    """What `campaign approve` approved: the definition's checksum, whether the approval is new, and the names of the
    parts that differ from the approval before (none at the first approval)."""

    definition_md5: str
    is_new: bool
    changed: list[str]


@dataclass(frozen=True)
class _Planned:
    """What one planning run works with."""

    campaign: Campaign
    topic: Topic
    library: TemplateLibrary
    brand: Brand


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
        """Read the campaign called `name`.

        Raises:
            CampaignError: there is none, it is wrong, or a name that its file gives means another campaign.
        """
        folder = self.settings.campaigns_dir
        if not (folder / f"{name}.yaml").exists():
            self.require_present(name)
        campaign = find_campaign(folder, name, self.topics)
        with self.engine.connect() as connection:
            campaign_names.require_agreed(connection, campaign, folder)
        return campaign

    def require_present(self, name: str) -> None:
        """Do nothing, unless the campaign that is meant is called otherwise now (CampaignError)."""
        with self.engine.connect() as connection:
            journeys.require_present(connection, name)

    def present_name(self, name: str) -> str:
        """Return what the campaign is called now that was called `name` once."""
        with self.engine.connect() as connection:
            return journeys.name_of(connection, name).present

    def retire(self, name: str, because: str, now: dt.datetime) -> campaign_names.Retirement:
        """End the campaign for good: its running series, the steps they await, and its planned mails."""
        return campaign_names.retire(self.engine, name, because, now)

    def lost_campaigns(self) -> list[str]:
        """Say which campaigns have series here and no file any more, and which files are of retired campaigns."""
        with self.engine.connect() as connection:
            return campaign_names.lost(connection, campaign_names.files_of(self.settings.campaigns_dir))

    def definition(self, name: str) -> messages.Definition:
        """Read the campaign's whole definition from its files. An approval holds for exactly this definition.

        Raises:
            CampaignError, TemplateError: the campaign file or a template of its steps is missing or wrong.
        """
        campaign = self.campaign(name)
        return messages.read_definition(campaign, self.topics[campaign.topic], self.library, self.brand)

    def _planned(self, name: str) -> _Planned:
        """Return what planning uses: in live the definition that was approved last, otherwise the files."""
        approved = self._approved(name)
        if approved is None:
            campaign = self.campaign(name)
            return _Planned(campaign, self.topics[campaign.topic], self.library, self.brand)
        brand = approved.brand_at(self.settings.postal_address)
        return _Planned(approved.campaign, approved.topic_in(self.topics), approved.library, brand)

    def _approved(self, name: str) -> messages.Definition | None:
        if self.settings.mode != "live":
            return None
        with self.engine.connect() as connection:
            return delivery.approved_definition(connection, name)

    def approve(self, name: str, by: str, now: dt.datetime, definition_md5: str | None = None) -> Approved:
        """Approve the campaign for live sending as its files are now; mails planned from other files follow this
        approval.

        Raises:
            CampaignError: the files are not the definition `definition_md5`, or cannot be read.
            TemplateError: a mail cannot be written from the files.
        """
        read = self.definition(name)
        if definition_md5 is not None and definition_md5 != read.md5:
            raise CampaignError(
                f"campaign {name}: its files are definition {read.md5} now, not {definition_md5}: read the files "
                "again, then approve the present definition"
            )
        read.require_writable(self.settings.postal_address)
        with self.engine.begin() as connection:
            changed = delivery.changed_since_approval(connection, read)
            messages.keep_as_read(connection, read)
        journeys.publish(self.engine, read.campaign, self.topics[read.campaign.topic])
        is_live = self.settings.mode == "live"
        is_new = delivery.approve(self.engine, name, read.md5, by, now, is_live=is_live)
        return Approved(read.md5, is_new, changed)

    def revoke(self, name: str, by: str, because: str, now: dt.datetime) -> delivery.Revocation:
        """Withdraw the approval of what was approved last, and cancel the planned mails that carry it."""
        self.require_present(name)
        return delivery.revoke(self.engine, name, by, because, now)

    def require_known(self, name: str) -> None:
        """Do nothing if the campaign is known: mails of a known campaign go on even if its file is broken or gone.

        Raises:
            CampaignError: none was published, and its file is missing (the message has the nearest name) or wrong.
        """
        with self.engine.connect() as connection:
            journeys.require_present(connection, name)
            known = journeys.is_published(connection, name)
        if not known:
            self.campaign(name)

    def load(
        self, folder: Path, progress: Callable[[str, int, int | None], None] = lambda feed, done, total: None
    ) -> sources.LoadReport:
        """Load the feed files of `folder`."""
        return sources.load_feeds(
            self.engine,
            folder,
            link_secret=self.settings.link_secret,
            progress=progress,
            may_resubscribe=self.settings.feeds_may_resubscribe,
            link_schemes=self.settings.link_schemes,
        )

    def load_alarms(self, report: sources.LoadReport, now: dt.datetime) -> list[str]:
        """Say what of a load is an alarm, and what has fallen silent at `now`: all feeds together, or one of them."""
        limits = self.settings.intake_limits
        with self.engine.connect() as connection:
            return [*report.alarms(limits), *sources.silence(connection, now, limits)]

    def is_loaded_since(self, moment: dt.datetime) -> bool:
        """Return whether a load that began at `moment` or later is done."""
        with self.engine.begin() as connection:
            return sources.is_loaded_since(connection, moment)

    def is_loading(self) -> bool:
        """Return whether a load is under way."""
        with self.engine.begin() as connection:
            return sources.is_loading(connection)

    def _planned_at(self, name: str, as_of: dt.datetime, now: dt.datetime) -> _Planned:
        """Return what planning campaign `name` for `as_of` uses.

        Raises:
            FutureRefused: `as_of` is more than the clock skew later than `now`.
            DeliveryRefused: in live, the zone is missing by which hours are planned for those who tell none.
        """
        require_not_future(as_of, now, f"campaign {name}: the as_of")
        delivery.require_default_zone(self.settings)
        return self._planned(name)

    @contextmanager
    def _turn(self, planned: _Planned, as_of: dt.datetime, now: dt.datetime) -> Iterator[bool]:
        """Hold the campaign's turn to plan for one stage, and tell whether the run for `as_of` is late.

        What the stage writes is written before another run can begin, so a run that was in time stays so to its end.
        """
        with journeys.turn_to_plan(self.engine, planned.campaign, as_of, now) as because:
            if because is not None:
                logger.info("campaign %s: the run for %s %s", planned.campaign.campaign, as_of.isoformat(), because)
            yield because is not None

    def late_run(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> str | None:
        """Return None, or for a late run one line: why it is late, and what it would have planned in time (counts).

        Nothing is kept of finding that out.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        planned = self._planned_at(campaign_name, as_of, now)
        with journeys.turn_to_plan(self.engine, planned.campaign, as_of, now) as because:
            if because is None:
                return None
        would = self._rehearse_in_time(campaign_name, as_of)
        return (
            f"campaign {campaign_name}: the run for {second(as_of)} {because}: it "
            "enrolls no customer, decides no step and plans no mail; in time it would have enrolled "
            f"{would.enrolled.enrolled} customers, decided {sum(would.decided.steps.values())} steps and planned "
            f"{would.written.messages} mails"
        )

    def _rehearse_in_time(self, campaign_name: str, as_of: dt.datetime) -> PlanReport:
        with rehearsal(self.engine) as stage:
            with stage.begin() as connection:
                journeys.forget_planning(connection, campaign_name)
            return replace(self, engine=stage)._plan(campaign_name, as_of, as_of)

    def request_segment(self, text: str, by: str, now: dt.datetime, note: str | None = None) -> segments.Request:
        """Ask for the segment in the YAML `text`."""
        return segments.ask_for(self.engine, text, by, now, note)

    def segment_requests(self, name: str | None = None) -> list[segments.Request]:
        """Return the requests of one segment, or of all, the newest version first."""
        with self.engine.connect() as connection:
            return segments.requests_of(connection, name)

    def decide_segment(
        self,
        name: str,
        by: str,
        now: dt.datetime,
        *,
        is_approved: bool,
        reason: str | None = None,
        version: int | None = None,
    ) -> segments.Request:
        """Approve or reject the version of a segment that waits; a setting says if its requester may approve it."""
        return segments.decide(
            self.engine, name, by, now,
            is_approved=is_approved, reason=reason, version=version,
            needs_another=self.settings.segments_need_another,
        )  # fmt: skip

    def preview_segment(
        self,
        name: segments.Asked,
        as_of: dt.datetime,
        now: dt.datetime,
        topic: str | None = None,
        *,
        replay: bool = True,
        daily: bool = False,
        former: str | None = None,
    ) -> tuple[previews.SegmentPreview, list[previews.Point]]:
        """Return the preview of a segment or a rules file, and what it would have done by week or by day.

        A segment that runs under the name of the rules file is what the preview compares it with.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        require_not_future(as_of, now, "as_of")
        asked = self._topic_of(name, topic)
        found = previews.preview(self.engine, name, asked, as_of, now, former or segments.runs_as(name))
        steps = previews.DAILY if daily else previews.WEEKLY
        return found, previews.replay(self.engine, name, asked, as_of, steps) if replay or daily else []

    def segment_reach(
        self, name: str, as_of: dt.datetime, now: dt.datetime, parameters: dict[str, Any] | None = None
    ) -> previews.Reach:
        """Return how many customers of a segment at `as_of` may be mailed now, and why the others may not."""
        return previews.reach(self.engine, name, self._topic_of(name, None), as_of, now, parameters)

    def export_audience(
        self,
        name: str,
        folder: Path,
        by: str,
        as_of: dt.datetime,
        now: dt.datetime,
        *,
        parameters: dict[str, Any] | None = None,
        network: audiences.Network = "plain",
        topic: str | None = None,
    ) -> audiences.Audience:
        """Write the hashed addresses of a segment for an advertising network, and what changed since the last export.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        require_not_future(as_of, now, "as_of")
        asked = self._topic_of(name, topic)
        return audiences.export(self.engine, name, parameters or {}, asked, folder, by, as_of, now, network)

    def export_offers(self, folder: Path, now: dt.datetime, since: dt.datetime | None = None) -> messages.OfferExport:
        """Tell the shop, by a file in `folder`, the codes that are new or changed, and those told since `since`.

        Raises:
            SettingsError: the folder cannot be written.
        """
        return messages.export_codes(self.engine, folder, now, since)

    def _topic_of(self, segment: segments.Asked, topic: str | None) -> Topic:
        """Return the topic called `topic`, else that of a campaign of the segment, else the first of marketing."""
        if topic is not None:
            return self._topic_called(topic)
        campaigns, _ = read_campaigns(self.settings.campaigns_dir, self.topics)
        used = [self.topics[one.topic] for one in campaigns if one.segment.name == segment]
        known = [*used, *self.topics.values()]
        return next((one for one in known if one.is_marketing), known[0])

    def _topic_called(self, name: str) -> Topic:
        found = topic_called(self.topics, name)
        if found is None:
            raise CampaignError(f"no topic '{name}'{did_you_mean(name, list(self.topics))}")
        return found

    def show_request(self, asked: segments.Request, now: dt.datetime) -> int:
        """Keep the preview of a request for who decides about it; return how many customers are in it."""
        found, points = self.preview_segment(asked.rules, now, now)
        head = f"{asked.requested_by} asks for version {asked.version}. {asked.note or ''}".strip()
        segments.keep_preview(self.engine, asked, f"{head}\n\n{previews.markdown(found, points)}")
        return found.customers

    def shown_request(self, name: str, version: int) -> str:
        """Return what the approver of a version is shown, Markdown."""
        with self.engine.connect() as connection:
            return segments.shown_preview(connection, name, version)

    def replay_request(self, name: str, version: int, now: dt.datetime) -> int:
        """Keep what a requested version would have done in each of the last ninety days; return its entries."""
        with self.engine.connect() as connection:
            asked = next(one for one in segments.requests_of(connection, name) if one.version == version)
        points = previews.replay(self.engine, asked.rules, self._topic_of(name, None), now, previews.DAILY)
        segments.keep_replay(self.engine, name, version, map(asdict, points))
        return sum(point.entered for point in points)

    def users_of_segment(self, name: str) -> list[str]:
        """Return the campaigns and the segments that use a segment, and would break without it."""
        campaigns, _ = read_campaigns(self.settings.campaigns_dir, self.topics)
        found = [f"campaign {one.campaign}" for one in campaigns if one.segment.name == name]
        return [*found, *(f"segment {other}" for other in segments.asked_by(name, segments.rule_segments()))]

    def retire_segment(self, name: str, by: str, now: dt.datetime, because: str, *, anyway: bool = False) -> int:
        """Retire an approved segment; return how many members left it.

        Raises:
            SegmentError: no version of it runs, or it is used and not retired `anyway`.
        """
        users = self.users_of_segment(name)
        if users and not anyway:
            raise SegmentError(
                f"segment {name} is used by {', '.join(users)}, which could not be planned any more: change them "
                "first, or retire it with --anyway"
            )
        return segments.retire(self.engine, name, by, now, because)

    def export_segment(self, name: str, folder: Path | None = None) -> Path:
        """Write an approved segment to a rules file of `folder`, else of the repository."""
        with self.engine.connect() as connection:
            return segments.export(connection, name, folder)

    def refresh_rules(
        self, as_of: dt.datetime, now: dt.datetime
    ) -> tuple[dict[str, segments.SegmentCounts], list[SegmentError]]:
        """Bring every segment of rules to `as_of`; return the counts by name, and the errors of the others.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        require_not_future(as_of, now, "as_of")
        return segments.refresh_rules(self.engine, as_of)

    def refresh_recommendations(
        self, as_of: dt.datetime, now: dt.datetime, *, only_if_due: bool = False
    ) -> dict[str, int]:
        """Bring what is bought together and what sells best to `as_of`; return the counts.

        With `only_if_due`, once per UTC day, and then the hit rates too if the last check is a week old.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        require_not_future(as_of, now, "as_of")
        if only_if_due and not segments.is_refresh_due(self.engine, as_of):
            return {}
        counts = segments.refresh_bought_together(self.engine, as_of).counts()
        if only_if_due and segments.is_check_due(self.engine, as_of):
            logger.info("recommendations: %s", self.check_recommendations(as_of, now))
        return counts

    def check_recommendations(self, as_of: dt.datetime, now: dt.datetime) -> str:
        """Compare pairs with bestsellers on the days before `as_of` that were held back; return the figures as a line.

        Raises:
            FutureRefused: `as_of` is later than `now`.
        """
        require_not_future(as_of, now, "as_of")
        thresholds = segments.Thresholds()
        return segments.check_bought_together(self.engine, as_of, thresholds).sentence(thresholds)

    def refresh_segment(
        self, campaign_name: str, as_of: dt.datetime, now: dt.datetime
    ) -> segments.SegmentCounts:
        """Bring the membership of the campaign's segment to `as_of`, and publish the campaign.

        If `as_of` is later than `now`, this and every other step of planning raises FutureRefused before it does
        anything. A late run (`journeys.turn_to_plan`) does nothing but correct a past moment of the segment.
        """
        planned = self._planned_at(campaign_name, as_of, now)
        segment = planned.campaign.segment
        with self._turn(planned, as_of, now) as is_late:
            if not is_late:
                journeys.publish(self.engine, planned.campaign, planned.topic)
            return segments.refresh(self.engine, segment.name, as_of, segment.parameters, late=is_late)

    def enroll(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> journeys.EnrollCounts:
        """Begin series for the members at `as_of`."""
        planned = self._planned_at(campaign_name, as_of, now)
        with self._turn(planned, as_of, now) as is_late:
            if is_late:
                return journeys.EnrollCounts(ended=0, enrolled=0, superseded=0)
            return journeys.enroll(self.engine, planned.campaign, as_of)

    def advance(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> journeys.AdvanceCounts:
        """End series, and note the steps that have come due."""
        planned = self._planned_at(campaign_name, as_of, now)
        with self._turn(planned, as_of, now) as is_late:
            if is_late:
                return journeys.AdvanceCounts(steps_due=0, exited=0)
            return journeys.advance(self.engine, planned.campaign, as_of)

    def decide(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> decisions.DecideCounts:
        """Decide the steps that are due."""
        planned = self._planned_at(campaign_name, as_of, now)
        with self._turn(planned, as_of, now) as is_late:
            if is_late:
                return decisions.DecideCounts({})
            return decisions.decide(self.engine, planned.campaign, planned.topic, as_of, now)

    def write_messages(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> messages.WriteCounts:
        """Write planned mails for the decisions to send, and record that `as_of` is planned."""
        by = self._planned_at(campaign_name, as_of, now)
        with self._turn(by, as_of, now) as is_late:
            if is_late:
                return messages.WriteCounts(messages=0, shells=0)
            written = messages.write_messages(self.engine, by.campaign, by.topic, by.library, by.brand, now)
            with self.engine.begin() as connection:
                journeys.record_planning(connection, campaign_name, as_of, now)
            return written

    def plan(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> PlanReport:
        """Do all five steps for one campaign. Runs of one campaign take turns, stage by stage.

        Raises:
            FutureRefused: `as_of` is later than `now`; nothing was written.
        """
        late = self.late_run(campaign_name, as_of, now)
        return replace(self._plan(campaign_name, as_of, now), late=late)

    def _plan(self, campaign_name: str, as_of: dt.datetime, now: dt.datetime) -> PlanReport:
        return PlanReport(
            segment=self.refresh_segment(campaign_name, as_of, now),
            enrolled=self.enroll(campaign_name, as_of, now),
            advanced=self.advance(campaign_name, as_of, now),
            decided=self.decide(campaign_name, as_of, now),
            written=self.write_messages(campaign_name, as_of, now),
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
        listening = _Listening(self)
        listening.listen()

        def follow(report: delivery.DeliveryReport) -> None:
            listening.listen()
            progress(report)

        return delivery.deliver(
            self.engine, self.settings, self.topics, clock=clock, worker=worker, shard=shard, progress=follow
        )

    def take_answers(self) -> None:
        """Ingest what people said on our own pages since the last time, so that it binds the next claim."""
        folder = self.settings.events_dir
        if folder is None or not folder.is_dir():
            return
        if events.has_new_answers(self.engine, folder):
            self.ingest(answers_only=True)

    def sync_dag_pauses(self, paused: Iterable[str], known: Iterable[str], at: dt.datetime) -> None:
        """Copy the pauses of campaign DAGs (by campaign name) into the flags that every claim reads."""
        delivery.sync_dag_pauses(self.engine, paused, known, at)

    def waits(self, now: dt.datetime, campaign_name: str | None = None) -> list[str]:
        """Return a sentence for each campaign whose mails or changed files wait though no operator paused it."""
        return delivery.waits(self.engine, self.settings, self.topics, now, campaign_name, self._read_if_there)

    def _read_if_there(self, name: str) -> messages.Definition | None:
        there = (self.settings.campaigns_dir / f"{name}.yaml").is_file()
        return self.definition(name) if there else None

    def require_not_stopped(
        self, now: dt.datetime, campaign_name: str | None = None, since: dt.datetime | None = None
    ) -> None:
        """Do nothing unless sending has stopped by itself: for the named campaign, or without a name for any since
        `since`.

        Mails that wait for an approval, a template or a topic count as stopped for as long as they wait. Without a name
        a campaign whose file is gone counts too.

        Raises:
            SendingStopped: what stopped, when, why (rates and numbers), and what to do.
        """
        with self.engine.connect() as connection:
            found = delivery.stops(connection, campaign_name, since)
        found += self.waits(now, campaign_name)
        if campaign_name is None:
            found += self.lost_campaigns()
        if found:
            raise SendingStopped("; ".join(found))

    def require_planned(self, now: dt.datetime, paused: Iterable[str], known: Iterable[str]) -> None:
        """Do nothing unless a campaign has missed two plannings; record which campaigns are watched and which are
        paused.

        `known` are the names of the campaigns whose DAG Airflow knows, `paused` those whose DAG is paused. A campaign
        that an operator paused is not reported either.

        Raises:
            PlanningOverdue: which campaigns, since when, and what to do.
        """
        watched = set(known)
        with self.engine.begin() as connection:
            off = set(paused) | delivery.paused_on_purpose(connection)
            journeys.watch_plannings(connection, watched, watched & off, now)
        found = self.overdue(now, watched)
        if found:
            raise PlanningOverdue("; ".join(found))

    def overdue(self, now: dt.datetime, among: Iterable[str] | None = None) -> list[str]:
        """Return a sentence for each campaign (of `among`) that has missed two plannings although no operator paused
        it.

        A campaign without a readable file has no schedule and is left out.
        """
        campaigns, _broken = read_campaigns(self.settings.campaigns_dir, self.topics)
        names = None if among is None else set(among)
        with self.engine.connect() as connection:
            off = delivery.paused_on_purpose(connection)
            running = [
                one for one in campaigns if one.campaign not in off and (names is None or one.campaign in names)
            ]
            return journeys.overdue(connection, running, now)

    def ingest(
        self,
        path: Path | None = None,
        progress: Callable[..., None] = lambda *counts: None,
        now: dt.datetime | None = None,
        answers_only: bool = False,
    ) -> events.IngestReport:
        """Ingest event exports from `path`, or from the collector's folder.

        In live, events later than `now` are set aside. One such event would make the feed look up to date for ever.
        """
        folder = path or self.settings.events_dir
        if folder is None:
            raise SettingsError("LIFECYCLE_EVENTS_DIR is not set: give the folder that the collector writes to")
        groups, settings = events.groups_of(self.topics), self.settings
        return events.ingest(
            self.engine,
            folder,
            topics=groups.topics,
            foreign_groups=groups.foreign,
            footer_links=events.footer_links(settings.public_url, settings.pages_url, self.brand.preferences_url),
            rest=events.Rest(settings.soft_bounce_limit, settings.soft_bounce_days, settings.soft_bounce_rest_days),
            now=now if self.settings.mode == "live" else None,
            link_secret=self.settings.link_secret,
            progress=progress,
            answers_only=answers_only,
        )

    def event_alarms(self, report: events.IngestReport, now: dt.datetime) -> list[str]:
        """Say what of an ingest is an alarm, and what is wrong with the feed of events at `now`."""
        limits = self.settings.intake_limits
        return [*report.alarms(limits), *events.event_alarms(self.engine, now, limits)]

    def sync_alarms(self, report: events.SyncReport, now: dt.datetime) -> list[str]:
        """Say what of a sync of suppressions is an alarm, and which lists lag behind at `now` (in preview none)."""
        limits = self.settings.intake_limits
        if self.settings.mode == "preview":
            return []
        with self.engine.connect() as connection:
            return [*report.alarms(limits), *events.list_alarms(connection, now, limits)]

    def pull_suppressions(self, now: dt.datetime) -> events.SyncReport:
        """Read SendGrid's suppression lists (modes simulate and live; a preview asks nothing)."""
        return events.pull(self.engine, self.settings, self.topics, now=now)

    def push_suppressions(
        self, now: dt.datetime, clock: Callable[[], dt.datetime] | None = None
    ) -> events.SyncReport:
        """Send SendGrid the opt-outs that it does not have (modes simulate and live; a preview sends nothing).

        `clock` gives the time at which SendGrid took each batch. Without a clock, that time is `now` for all of them.
        """
        return events.push(self.engine, self.settings, self.topics, now=now, clock=clock)

    def tidy_list(self, now: dt.datetime) -> events.HygieneReport:
        """End the mail of people who stayed silent to the end of a win-back, and keep what the list looks like."""
        return events.tidy(self.engine, now)

    def lift_suppressions(
        self, address: str, by: str, because: str, now: dt.datetime, only: Iterable[str] = events.KINDS
    ) -> events.LiftReport:
        """Let an address be mailed again, here and at SendGrid, on an operator's word, which is kept in a log."""
        return events.lift(
            self.engine, self.settings, self.topics, address, by=by, because=because, now=now, only=tuple(only)
        )

    def unlisted_groups(self) -> list[str]:
        """Say which unsubscribe groups keep people from all mail because nothing says whose they are."""
        with self.engine.connect() as connection:
            return [group.sentence() for group in events.unlisted_groups(connection)]

    def roll_up(
        self,
        now: dt.datetime,
        since: dt.date | None = None,
        until: dt.date | None = None,
        full: bool = False,
    ) -> kpis.RollUpReport:
        """Bring the KPI tables up to date; `full` recomputes them from the facts.

        The lifecycle stages of the days before are counted too, once per day. Clicks in doubt are judged again before
        the KPIs, because loads bring the orders and page views that decide.

        Raises:
            FutureRefused: the reporting day `since` or `until` has not begun by `now`.
        """
        for what, day in (("the first day", since), ("the last day", until)):
            if day is not None:
                require_day_not_future(day, now, self.settings.reporting_zone, what)
        events.settle_clicks(self.engine, full=full)
        segments.count_stages(self.engine, now, again=full)
        return kpis.roll_up(
            self.engine,
            reporting_zone=self.settings.reporting_zone,
            reporting_currency=self.settings.reporting_currency,
            now=now,
            since=since,
            until=until,
            full=full,
        )

    def check_kpis(self, after_roll_up: bool = False) -> None:
        """Check that the KPI tables add up.

        `after_roll_up` limits what is read to the days that the last roll-up wrote, if it was not the first of its day.

        Raises:
            KpiError: one line per identity that does not hold.
        """
        since = kpis.check_from(self.engine, self.settings.reporting_zone) if after_roll_up else None
        kpis.require_identities(self.engine, since=since)

    def outlook(self, customer_id: str, now: dt.datetime, campaign_name: str | None = None) -> list[kpis.Outlook]:
        """Say what planning and a claim would do at `now` with a customer's running series and planned mails."""
        return kpis.outlook(self.engine, self.settings, self.topics, customer_id, now, campaign_name)

    def ensure_months(self, now: dt.datetime) -> list[str]:
        """Make the monthly partitions of this month and the next two."""
        return partitions.ensure_months(self.engine, now, months_ahead=2)

    def retire_months(self, now: dt.datetime) -> partitions.RetentionReport:
        """Drop the months of raw events and decisions that are past their retention.

        Raises:
            RetentionRefused: a month is still needed, or its table was busy; the other months are dropped.
        """
        keep = partitions.retention_of(self.settings)
        return partitions.retire_months(self.engine, now, keep).require_all()

    def summarize_addresses(self) -> int:
        """Make the filters that raw events of the last days lack. An erasure finds an address by these filters."""
        with self.engine.begin() as connection:
            return events.summarize_addresses(connection)

    def forget_places(self, now: dt.datetime) -> int:
        """Forget which recipient took a place in days and weeks long past."""
        with self.engine.begin() as connection:
            return delivery.forget_places(connection, now)

    def erase(self, whom: str, now: dt.datetime, without_files: bool = False) -> bool:
        """Erase one person: personal columns and texts, personal parts of mails, raw events, statistics, export files.

        `whom` is the customer's key, or an address: that of the one customer who holds it, or of a person who is not a
        customer. A keyed hash of each of their addresses stays, so that no later load brings the person back and no
        mail goes to them. Another customer who holds one of the addresses, or held it before, stays. What was said at
        that address then stays too, and only what names the erased person's own mails goes. Returns False if there is
        no such customer, if it was erased before, or if nothing is known of the address. `without_files` leaves export
        files as they are if LIFECYCLE_EVENTS_DIR is not set.

        Raises:
            SettingsError: export files were ingested and LIFECYCLE_EVENTS_DIR is not set; nothing was erased.
            LifecycleError: several customers hold the address, or only some who have another one now.
        """
        with self.engine.begin() as connection:
            lock(connection, "load")
            lock(connection, "ingest")
            customer_id = self._customer_meant(connection, whom)
            if customer_id is None and "@" not in whom:
                return False
            if not without_files:
                self._require_files_known(connection)
            if customer_id is None:
                return self._erase_address(connection, mailbox(whom), now)
            self._erase_customer(connection, customer_id, now)
        return True

    def audiences_of(self, whom: str) -> list[str]:
        """Return the audiences that were given an address of this customer, or this address: segment (network)."""
        with self.engine.connect() as connection:
            address = whom if "@" in whom else sources.address_of(connection, whom)
            return audiences.audiences_of(connection, [address] if address else [])

    def _customer_meant(self, connection: Connection, whom: str) -> str | None:
        """Return the living customer of this key, or the one who holds this address."""
        if sources.address_of(connection, whom) is not None:
            return whom
        holders, former = sources.holders_of(connection, mailbox(whom)) if "@" in whom else ([], [])
        if len(holders) == 1:
            return holders[0]
        if holders or former:
            hold = "hold this address" if holders else "held this address before, and nobody else is known by it"
            raise LifecycleError(
                f"customers {', '.join(holders or former)} {hold}: each is a person of their own, erase them by "
                "their keys"
            )
        return None

    def _erase_customer(self, connection: Connection, customer_id: str, now: dt.datetime) -> None:
        words = messages.slots_of(connection, customer_id)
        address = sources.address_of(connection, customer_id)
        erased = sources.erase_customer(connection, customer_id, self.settings.link_secret, now)
        segments.erase_contexts(connection, customer_id)
        journeys.erase_contexts(connection, customer_id)
        messages.erase_slots(connection, customer_id)
        messages.erase_codes(connection, customer_id, now)
        for each in filter(None, (address, *erased.former_addresses)):
            self._erase_at(connection, customer_id, each, is_shared=each in erased.shared)
        planner_statistics.forget(connection, [*erased.words, *words])

    def _erase_address(self, connection: Connection, address: str, now: dt.datetime) -> bool:
        """Erase a person who is no customer; return False, and change nothing, if nothing is known of the address."""
        with connection.begin_nested() as attempt:
            is_known = events.knows(connection, address)
            erased = sources.erase_address(connection, address, self.settings.link_secret, now)
            lines = self._erase_at(connection, None, address, is_shared=False)
            planner_statistics.forget(connection, erased.words)
            if is_known or erased.scrubbed or lines:
                return True
            attempt.rollback()
        return False

    def _erase_at(self, connection: Connection, customer_id: str | None, address: str, *, is_shared: bool) -> int:
        """Remove a person from events, places and export files at one of their addresses; return lines of files."""
        events.erase(connection, customer_id, address, is_shared=is_shared)
        if not is_shared:
            delivery.erase_places(connection, address)
        if self.settings.events_dir is None:
            return 0
        if customer_id is not None:
            events.scrub_answers(connection, self.settings.events_dir, customer_id)
        only_of = customer_id if is_shared else None
        return events.scrub_files(connection, self.settings.events_dir, address, only_of=only_of).lines

    def _require_files_known(self, connection: Connection) -> None:
        """Refuse an erasure that would miss export files: once the address is gone, no later erasure can find it."""
        if self.settings.events_dir is None and events.has_files(connection):
            raise SettingsError(
                "LIFECYCLE_EVENTS_DIR is not set, but export files were ingested and hold addresses: nothing was "
                "erased; set it to their folder, or run `erase` with --without-files if the files are gone"
            )


class _Listening:
    """Takes in what people said on our pages, at the beginning of a delivery and every half minute during it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._next = float("-inf")

    def listen(self) -> None:
        """Take it in, unless that was done a moment ago."""
        if time.monotonic() < self._next:
            return
        self._installation.take_answers()
        self._next = time.monotonic() + LISTEN_SECONDS


def open_installation(settings: Settings) -> Installation:
    """Open an installation. If files renamed topics or campaigns, the first opening renames what is stored under old
    names.

    Raises:
        DatabaseUnavailable, SchemaOutOfDate: one readable line.
        CampaignError: topics or brand are wrong, or a topic with opt-outs or mails is gone; one line per error.
    """
    warehouse = engine(settings.database_url)
    require_reachable(warehouse)
    require_migrated(warehouse)
    segments.limited(warehouse, segments.Limits(settings.segment_seconds, settings.segment_cost))
    topics = read_topics(settings.topics_file)
    brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
    topic_names.agree(warehouse, topics, settings.topics_file.name)
    campaign_names.agree(warehouse, settings.campaigns_dir)
    time_zones.agree(warehouse, settings.default_zone or UNSAID_ZONE)
    segments.learn_approved(warehouse)
    return Installation(settings, warehouse, topics, brand)
