"""`make demo`: real purchases to e-mails to KPI tables, on this machine, through Airflow's scheduler.

Each step can be repeated: a second run uses what exists, mails no person twice and says what is new. The processes
that it starts go on running; `down` stops them.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from sqlalchemy.engine import Engine

from lifecycle_mail.campaigns import read_campaigns, read_topics
from lifecycle_mail.database import engine, run
from lifecycle_mail.migrations import migrate
from lifecycle_mail.settings import Settings
from local_stack.airflow import COMPONENTS, AirflowStack, Run
from local_stack.fonts import install_fonts, line_about_fonts
from local_stack.home import Home
from local_stack.postgres import METADATA, WAREHOUSE, EmbeddedPostgres
from local_stack.processes import wait_until
from local_stack.report import print_report
from local_stack.services import Provider, RecipientPages
from local_stack.shop import Shop
from local_stack.steps import AGAIN, StepFailed, Steps

SENDGRID_POOL_SLOTS = 2
RUN_TIMEOUT_SECONDS = 900.0
SEGMENT_DAGS = ("refresh_segments", "request_segment")
PARTNER_REFUSED_PERCENT = 80.0
"""Of the partner's export so many rows are broken on purpose. With the usual limit each load of it would be red."""


class Demo:
    """One demo in one home: start everything, run the path once, print what happened."""

    def __init__(self, home: Home, console: Console) -> None:
        self.home = home
        self.console = console
        self.steps = Steps(console)
        self.began = dt.datetime.now(dt.UTC)
        self.postgres = EmbeddedPostgres(home.folder / "postgres")
        _keep_proxies_off_this_machine()

    def run(self) -> None:
        """Do every step in order.

        Raises:
            StepFailed: one line that names the step, its log, and what to do.
        """
        self._start_database()
        self._begin_feeds()
        self._start_provider()
        self._start_airflow()
        self._hand_feeds_over()
        self._wait_for_airflow()
        self._follow_the_path()
        self._report()

    # What runs

    def _start_database(self) -> None:
        advice = "If the folder is broken, `make clean` begins anew."
        with self.steps.step("PostgreSQL: start and migrate", self.postgres.log_file, advice):
            self.postgres.start()
            self.warehouse: Engine = engine(self.postgres.url(WAREHOUSE))
            self.pages = RecipientPages(self.home)
            applied = migrate(self.warehouse, pages_password=self.pages.password)
            self.steps.note(f"{len(applied)} migrations applied" if applied else "up to date")

    def _start_provider(self) -> None:
        with self.steps.step("SendGrid simulator, event collector and recipients' pages: start", self.home.logs):
            self.provider = Provider(self.home)
            self.provider.start()
            self.pages.start(self.postgres.url(WAREHOUSE))
            self.settings = self._settings()
            self.environment_file = self.home.write_environment(self.settings)

    def _start_airflow(self) -> None:
        with self.steps.step("Airflow: migrate its metadata and start", self.home.logs):
            port = self.home.port("airflow", *(f"airflow-{component}" for component in COMPONENTS))
            metadata = self.postgres.url(METADATA)
            settings = {**self.settings, "SENDGRID_POOL_SLOTS": str(SENDGRID_POOL_SLOTS)}
            self.airflow = AirflowStack(self.home.folder, metadata, settings, port)
            self.airflow.start()

    def _wait_for_airflow(self) -> None:
        with self.steps.step("Airflow: wait until it is healthy", self.home.logs):
            self.airflow.wait_healthy()
            self.campaigns = self._campaign_dags()
            self.airflow.wait_dags(["load_sources", *self.campaigns, *SEGMENT_DAGS, "deliver_messages"])
            self.airflow.unpause(["request_segment"])  # it waits for people, so the demo has nothing to run of it

    def _settings(self) -> dict[str, str]:
        """Return the environment that makes the library simulate, and only on this machine."""
        return {
            "LIFECYCLE_DATABASE_URL": self.postgres.url(WAREHOUSE),
            "LIFECYCLE_MODE": "simulate",
            "LIFECYCLE_REFUSED_PERCENT": str(PARTNER_REFUSED_PERCENT),
            "LIFECYCLE_SILENT_HOURS": "off",  # the shop's year ends this morning, and stands still after the demo
            "LIFECYCLE_FEEDS_DIR": str(self.home.feeds),
            "LIFECYCLE_EVENTS_DIR": str(self.home.events),
            "LIFECYCLE_LINK_SECRET": self.provider.link_secret,
            "LIFECYCLE_PUBLIC_URL": self.provider.collector_url,
            "LIFECYCLE_PAGES_URL": self.pages.url,
            "SENDGRID_API_KEY": self.provider.api_key,
            "SENDGRID_BASE_URL": self.provider.simulator_url,
        }

    def _campaign_dags(self) -> list[str]:
        settings = Settings.from_environment(self.settings)
        campaigns, _ = read_campaigns(settings.campaigns_dir, read_topics(settings.topics_file))
        return [f"campaign__{campaign.campaign}" for campaign in campaigns]

    # The shop's feeds, written while the rest starts

    def _begin_feeds(self) -> None:
        with self.steps.step("The shop: a year of real purchases as feed files", self.home.logs):
            self.shop = Shop(self.home, self.warehouse, self.began.date())
            self.shop.begin_writing()

    def _hand_feeds_over(self) -> None:
        with self.steps.step("The shop: hand its files over", self.shop.log_file):
            self.steps.note(self.shop.hand_over())

    # The path, each stage a run of its DAG by the scheduler

    def _follow_the_path(self) -> None:
        self._run_dags("load_sources: the shop's feeds", ["load_sources"])
        self.shop.take_away()
        names = f"{len(self.campaigns)} campaigns (segment, enroll, advance, decide, write mails) and segments of rules"
        self._run_dags(names, [*self.campaigns, "refresh_segments"])
        self._run_dags("deliver_messages: what may be mailed now", ["deliver_messages"])
        self._let_recipients_act()
        self._run_dags("ingest_events: what the provider reported", ["ingest_events"])
        self._let_customers_buy()
        self._run_dags("load_sources: what was bought since", ["load_sources"])
        self._run_dags("roll_up_kpis: what it all came to", ["roll_up_kpis"])

    def _run_dags(self, what: str, dag_ids: Sequence[str]) -> None:
        """Have the scheduler run each DAG now, and wait for the end."""
        with self.steps.step(f"Airflow runs {what}", self.airflow.airflow_home / "logs"):
            runs = [self._begin_run(dag_id) for dag_id in dag_ids]
            for ended in self.airflow.wait_runs(runs, RUN_TIMEOUT_SECONDS):
                if ended.state != "success":
                    raise StepFailed(self._what_failed(ended))

    def _begin_run(self, dag_id: str) -> Run:
        """Unpause a paused DAG, which runs its latest period at once; ask for a run of any other."""
        known = {one.run_id for one in self.airflow.runs(dag_id)}
        if self.airflow.dags()[dag_id]:
            self.airflow.unpause([dag_id])
            if dag_id != "roll_up_kpis":
                return self._new_run(dag_id, known)
        takes_as_of = dag_id in (*self.campaigns, "refresh_segments")
        conf = {"as_of": dt.datetime.now(dt.UTC).isoformat()} if takes_as_of else {}
        return self.airflow.trigger(dag_id, conf)

    def _new_run(self, dag_id: str, known: set[str]) -> Run:
        found: list[Run] = []

        def appeared() -> bool:
            found[:] = [one for one in self.airflow.runs(dag_id) if one.run_id not in known]
            return bool(found)

        wait_until(appeared, f"the scheduler made no run of {dag_id}", 120)
        return found[-1]

    def _what_failed(self, ended: Run) -> str:
        failed = [task for task, state in self.airflow.task_states(ended).items() if "failed" in state]
        logs = self.airflow.airflow_home / "logs" / f"dag_id={ended.dag_id}" / f"run_id={ended.run_id}"
        tasks = ", ".join(failed) or "(none)"
        return f"stopped at {ended.dag_id}: its task {tasks} failed. Log: {logs}. {AGAIN}"

    def _let_recipients_act(self) -> None:
        with self.steps.step("Recipients open, click, leave", self.home.logs / "simulator.log"):
            state = self.provider.wait_settled()
            mails, events = state["recipients"], state["events_posted"]
            self.steps.note(f"{mails:,} mails accepted so far, {events:,} events posted")

    def _let_customers_buy(self) -> None:
        with self.steps.step("Customers: some of those who clicked buy", self.home.feeds):
            counts = self.shop.write_reactions(dt.datetime.now(dt.UTC))
            orders = counts.orders_by_clickers + counts.orders_by_others
            self.steps.note(f"{orders:,} orders so far, {counts.orders_by_clickers:,} of them after a click")

    # What a person sees

    def _report(self) -> None:
        install_fonts()
        self.console.print()
        print_report(self.console, self.warehouse, self.began)
        self.console.print(f"{self._never_twice()}\n", highlight=False, soft_wrap=True)
        for name, text in self._where_to_look():
            self.console.print(f"[bold]{name}:[/bold] {text}", highlight=False, soft_wrap=True)
        took = self.steps.elapsed().strip()
        self.console.print(f"\nDone after {took} minutes; everything goes on running.", highlight=False)

    def _never_twice(self) -> str:
        """Ask the provider, not ourselves."""
        count = self.provider.accepted()
        twice = count["recipients"] - count["distinct_message_ids"]
        mails = f"{count['recipients']:,} mails in {count['requests']:,} requests"
        return f"By the provider's own record it has accepted {mails}, {twice or 'none'} of them twice."

    def _where_to_look(self) -> list[tuple[str, str]]:
        user, password = self.airflow.login()
        environment = os.path.relpath(self.environment_file)
        python = os.path.relpath(sys.executable)
        why = f". {environment} && {python} -m lifecycle_mail why {self._somebody()}"
        outbox = f"{self.provider.simulator_url}  token {self.provider.outbox_token}"
        fonts = line_about_fonts()
        return [
            ("The mails, as recipients see them", outbox),
            *([("Letters that show as boxes", fonts)] if fonts else []),
            ("Airflow", f"{self.airflow.url}  user {user}  password {password}"),
            ("Ask for a segment in a form", f"{self.airflow.url}/dags/request_segment  docs/segments.md shows how"),
            ("The command line", f". {environment} && {python} -m lifecycle_mail --help"),
            ("Why a customer got a mail, or none", why),
            ("What is real here and what is made up", "include/demo_world/README.md"),
            ("Stop everything", "make down"),
        ]

    def _somebody(self) -> str:
        with self.warehouse.connect() as connection:
            clicker = run(connection, "demo/clickers").first()
            anybody = clicker or run(connection, "demo/enrolled").first()
        return str(anybody.customer_id) if anybody else "CUSTOMER"


def _keep_proxies_off_this_machine() -> None:
    """Everything here talks to 127.0.0.1: a proxy of the network must not stand in between."""
    for name in ("NO_PROXY", "no_proxy"):
        kept = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*kept, "127.0.0.1", "localhost"]))

