"""A whole installation for tests: Airflow, simulator and collector as real processes around one warehouse."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Engine, make_url

import running_services
from lifecycle_mail.database import engine
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings
from local_stack.airflow import AirflowStack, Run
from local_stack.processes import free_port, wait_until
from local_stack.processes import running_services as running_services_of

REPOSITORY = Path(__file__).resolve().parent.parent
CAMPAIGNS = ("cart_abandoned", "birthday")
LINK_SECRET = "link-secret-for-tests"
PATIENCE_SECONDS = 600  # for a run of a DAG, on a machine that does other things too
COMPONENTS = ("api-server", "dag-processor", "scheduler")


@dataclass
class AirflowWorld:
    """Everything that runs for a test. `folder` holds feeds, events, campaigns and the simulator's record."""

    airflow: AirflowStack
    simulator: running_services.Service
    collector: running_services.Service
    warehouse: Engine
    metadata: Engine
    environment: dict[str, str]
    folder: Path

    @property
    def campaigns(self) -> Path:
        return self.folder / "campaigns"

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the warehouse."""
        with self.warehouse.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]

    def accepted(self) -> Counter[str]:
        """How often the simulator accepted each message id: counted from its own record."""
        lines = (self.folder / "simulator" / "accepted.ndjson").read_text().splitlines()
        return Counter(json.loads(line)["message_id"] for line in lines)

    def requests(self) -> int:
        """How many requests the simulator accepted."""
        return int(self.simulator.client.get("/simulator/accepted/count").json()["requests"])

    def faults(self, delay_ms: float = 0.0, *faults: Mapping[str, Any]) -> None:
        """Make the simulator misbehave from now on; without arguments it behaves well again."""
        body = {"delay_ms": delay_ms, "faults": [dict(one) for one in faults]}
        self.simulator.client.post("/simulator/faults", json=body).raise_for_status()

    def installation(self) -> Installation:
        """The library on this world, for what a test does without Airflow."""
        return open_installation(Settings.from_environment(self.environment))

    def run(self, dag_id: str, **conf: Any) -> Run:
        """Trigger a DAG and wait for its end."""
        return self.airflow.wait_run(self.airflow.trigger(dag_id, conf), PATIENCE_SECONDS)

    def clear(self, run: Run) -> Run:
        """Clear every task of a run, as a person does on its page, and wait until it has run again."""
        body = {"dry_run": False, "dag_run_id": run.run_id, "only_failed": False, "reset_dag_runs": True}
        self.airflow.request("POST", f"dags/{run.dag_id}/clearTaskInstances", json=body)
        return self.airflow.wait_run(run, PATIENCE_SECONDS)

    def log_of(self, run: Run, task_id: str) -> str:
        """The log files of one task of a run."""
        folder = self.airflow.airflow_home / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
        files = sorted((folder / f"task_id={task_id}").rglob("*.log"))
        return "\n".join(file.read_text() for file in files)


@contextmanager
def running_world(
    folder: Path, server_url: str, warehouse_url: str, **settings: str
) -> Iterator[AirflowWorld]:
    """Start everything below `folder`, and end it afterwards; `settings` are added to Airflow's environment."""
    for name in ("events", "feeds"):
        (folder / name).mkdir()
    copy_campaigns(folder / "campaigns")
    with (
        metadata_database(server_url) as metadata_url,
        provider(folder, folder / "events", LINK_SECRET) as (simulator, collector),
    ):
        environment = {
            "LIFECYCLE_DATABASE_URL": warehouse_url,
            "LIFECYCLE_MODE": "simulate",
            "LIFECYCLE_LINK_SECRET": LINK_SECRET,
            "LIFECYCLE_EVENTS_DIR": str(folder / "events"),
            "LIFECYCLE_FEEDS_DIR": str(folder / "feeds"),
            "LIFECYCLE_CAMPAIGNS_DIR": str(folder / "campaigns"),
            "SENDGRID_BASE_URL": simulator.url,
            "SENDGRID_API_KEY": running_services.API_KEY,
            "SENDGRID_POOL_SLOTS": "2",  # Airflow makes the pool
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "5",
            "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "5",
            **settings,
        }
        airflow = AirflowStack(folder / "stack", metadata_url, environment, free_port())
        warehouse, metadata = engine(warehouse_url), engine(metadata_url)
        try:
            airflow.start(components=COMPONENTS)
            airflow.wait_healthy()
            yield AirflowWorld(airflow, simulator, collector, warehouse, metadata, environment, folder)
        finally:
            for service in running_services_of(airflow.home):
                service.stop(grace_seconds=2.0)  # what they would still write down goes with the database
            airflow.stop()
            warehouse.dispose()
            metadata.dispose()


@contextmanager
def cloned_warehouse(server_url: str, template_database: str) -> Iterator[str]:
    """A migrated warehouse for a whole module of tests, dropped afterwards."""
    name = f"lifecycle_test_{uuid.uuid4().hex[:12]}"
    admin = engine(server_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f'create database "{name}" template "{template_database}"'))
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(sa.text(f'drop database "{name}" with (force)'))
    admin.dispose()


@contextmanager
def metadata_database(server_url: str) -> Iterator[str]:
    """An empty database for Airflow's own tables, dropped afterwards."""
    name = f"airflow_{uuid.uuid4().hex[:12]}"
    admin = engine(server_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f'create database "{name}"'))
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(sa.text(f'drop database "{name}" with (force)'))
    admin.dispose()


@contextmanager
def provider(
    folder: Path, events: Path, link_secret: str, *options: str
) -> Iterator[tuple[running_services.Service, running_services.Service]]:
    """The simulator, posting signed events to the collector that checks them."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    key_file = folder / "webhook_key.pem"
    key_file.write_bytes(
        private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public_key = private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings = {
        "SENDGRID_WEBHOOK_PUBLIC_KEY": base64.b64encode(public_key).decode(),
        "LIFECYCLE_LINK_SECRET": link_secret,
    }
    # Only recipients whose address says so bounce or complain: no breaker trips by chance.
    calm = [f"--rate={name}=0" for name in ("bounce", "drop", "block", "expire", "complain")]
    with running_services.running_collector(events, **settings) as collector:
        webhook = ("--webhook-url", f"{collector.url}/events", "--private-key", str(key_file))
        with running_services.running_simulator(folder / "simulator", *webhook, *calm, *options) as simulator:
            yield simulator, collector


def copy_campaigns(folder: Path) -> None:
    """The campaigns of the tests, without holdouts: with few customers chance would decide."""
    folder.mkdir()
    for name in CAMPAIGNS:
        text = (REPOSITORY / "include" / "campaigns" / f"{name}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(text.replace("holdout: 0.05", "holdout: 0"))


def zone_at_noon(now: dt.datetime) -> str:
    """Return an IANA zone in which it is between 12:00 and 13:00 at `now`: no test waits for a send window."""
    hours_ahead_of_utc = 12 - now.astimezone(dt.UTC).hour
    return f"Etc/GMT{-hours_ahead_of_utc:+d}"  # the signs of these zones are the other way round


@dataclass(frozen=True)
class Person:
    """A customer who said yes, with or without a cart to remind of; `birthday` as the feeds write it."""

    customer_id: str
    email: str
    first_name: str = "Ada"
    last_name: str = ""
    birthday: str = ""
    has_cart: bool = True
    region: str = ""
    city: str = ""


def people(prefix: str, count: int) -> list[Person]:
    """Plain customers, `prefix`-0 and so on."""
    return [Person(f"{prefix}-{n}", f"{prefix}-{n}@example.com") for n in range(count)]


def write_carts(folder: Path, persons: Iterable[Person], now: dt.datetime) -> None:
    """Feed files of customers; those with a cart left it two hours before `now`."""
    zone, said_yes = zone_at_noon(now), _text(now - dt.timedelta(days=200))
    left_at = _text(now - dt.timedelta(hours=2, minutes=5))
    listed = list(persons)
    _write(
        folder / "customers.csv",
        "customer_id email created_at first_name last_name birthday locale timezone country region city currency"
        " permission permission_at",
        [
            [one.customer_id, one.email, said_yes, one.first_name, one.last_name, one.birthday, "en-GB", zone, "GB",
             one.region, one.city, "GBP", "confirmed", said_yes]
            for one in listed
        ],
    )  # fmt: skip
    carts = [f"cart-{one.customer_id}" for one in listed if one.has_cart]
    _write(folder / "products.csv", "product_id name price currency", [["tea", "Green tea", "4.50", "GBP"]])
    _write(
        folder / "carts.csv",
        "cart_id customer_id created_at updated_at status url",
        [
            [cart, cart.removeprefix("cart-"), left_at, left_at, "open", "https://shop.example.com/cart"]
            for cart in carts
        ],
    )
    _write(
        folder / "cart_lines.csv",
        "cart_id product_id quantity unit_price",
        [[cart, "tea", "2", "4.50"] for cart in carts],
    )


def load(world: AirflowWorld, persons: Iterable[Person]) -> None:
    """Load customers and their carts into the warehouse, without Airflow."""
    now = dt.datetime.now(dt.UTC)
    folder = world.folder / f"feeds-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    write_carts(folder, persons, now)
    system = world.installation()
    system.load(folder)
    system.engine.dispose()
    shutil.rmtree(folder)


def plan(world: AirflowWorld, campaign: str = "cart_abandoned") -> None:
    """Plan a campaign as of now, without Airflow: no asset starts a delivery."""
    now = dt.datetime.now(dt.UTC)
    system = world.installation()
    system.plan(campaign, now, now)
    system.engine.dispose()


def wait_for_requests(world: AirflowWorld, more_than: int, seconds: float = 240) -> None:
    """Wait until the simulator has accepted more requests than `more_than`."""
    wait_until(lambda: world.requests() > more_than, "no request came", seconds, every_seconds=0.05)


def _write(file: Path, header: str, rows: list[list[str]]) -> None:
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(), *rows])


def _text(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")
