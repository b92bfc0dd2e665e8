"""Audiences for advertising networks: which hashes, what changed since the last export, and who exported what."""

from __future__ import annotations

import hashlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, order
from commands import Command
from lifecycle_mail import audiences

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def _sha256(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Three who did not order, two of them at one mailbox; one without permission; one who ordered."""
    with warehouse.begin() as connection:
        customer(connection, "ann", email="Ann.B+shop@example.com")
        customer(connection, "twin", email="ann.b+shop@EXAMPLE.com")
        customer(connection, "ben")
        customer(connection, "cem", permission="none")
        customer(connection, "dee")
        order(connection, "o1", "dee", NOW - DAY)
    return warehouse


@pytest.fixture
def export(shop: Engine, command: Command, tmp_path: Path) -> object:
    """Exports who did not order; returns the hashes of the three files."""
    rules = tmp_path / "no_order.yaml"
    rules.write_text(
        "segment: no_order\nwhat: No order.\nowner: crm\nrules: {none: [{did: ordered}]}\n", encoding="utf-8"
    )

    def run(*options: str, at: datetime = NOW) -> tuple[set[str], set[str], set[str]]:
        status, out, _ = command.at(at)(
            "segment", "audience", str(rules), "--to", str(tmp_path), "--by", "ads", *options
        )
        assert status == 0
        paths = [Path(line.partition(": ")[0]) for line in out.splitlines()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
        texts = [path.read_text(encoding="ascii").splitlines() for path in paths]
        assert {lines[0] for lines in texts} == {"email_sha256"}
        return tuple(set(lines[1:]) for lines in texts)

    return run


def test_buyers_and_those_who_said_no_leave_the_audience(shop: Engine, export) -> None:
    """The first export adds everyone who may be mailed, each mailbox once; the next one says who came and who left."""
    ann, ben = _sha256("ann.b+shop@example.com"), _sha256("ben@example.com")
    assert export() == ({ann, ben}, {ann, ben}, set())
    assert export() == ({ann, ben}, set(), set())
    with shop.begin() as connection:
        order(connection, "o2", "ben", NOW)
        customer(connection, "eve", load_id=1)
        connection.execute(sa.text("update source.customer set permission = 'withdrawn' where customer_id = 'twin'"))
        connection.execute(sa.text("update source.customer set permission = 'withdrawn' where customer_id = 'ann'"))
    eve = _sha256("eve@example.com")
    assert export(at=NOW + DAY) == ({eve}, {eve}, {ann, ben})
    assert export(at=NOW + DAY) == ({eve}, set(), set())
    with shop.connect() as connection:
        kept = connection.execute(
            sa.text(
                "select segment, exported_by, addresses, added, removed from segment.audience_export order by export_id"
            )
        )
        assert [tuple(row) for row in kept] == [
            ("no_order", "ads", 2, 2, 0),
            ("no_order", "ads", 2, 0, 0),
            ("no_order", "ads", 1, 1, 2),
            ("no_order", "ads", 1, 0, 0),
        ]


def test_each_network_has_its_own_spelling_and_its_own_changes(shop: Engine, export) -> None:
    """Google's mailboxes lose full stops and what follows a plus; what one network has says nothing about another."""
    with shop.begin() as connection:
        customer(connection, "gil", email="G.il+x@gmail.com", load_id=1)
    plain, google = export()[0], export("--for", "google")
    assert _sha256("g.il+x@gmail.com") in plain
    assert google[0] == google[1] == {*plain, _sha256("gil@gmail.com")} - {_sha256("g.il+x@gmail.com")}


def test_nothing_is_kept_of_an_export_whose_files_cannot_be_written(
    shop: Engine, export, command: Command, tmp_path: Path
) -> None:
    """The folder is missing: status 1, one line, and the next export still adds everyone."""
    rules = str(tmp_path / "no_order.yaml")
    status, _, error = command.at(NOW)("segment", "audience", rules, "--to", str(tmp_path / "gone"), "--by", "ads")
    assert (status, "cannot be written" in error) == (1, True)
    assert len(export()[1]) == 2


def test_an_erased_person_leaves_with_the_next_export(shop: Engine, export, command: Command) -> None:
    """Erasing names the audiences that have the address; the next export takes it out, and nothing of it stays."""
    export()
    with shop.connect() as connection:
        assert audiences.audiences_of(connection, ["BEN@example.com"]) == ["no_order (plain)"]
    status, out, _ = command.at(NOW)("erase", "ben", "--without-files")
    assert status == 0
    assert "no_order (plain)" in out
    ben = _sha256("ben@example.com")
    assert export(at=NOW + DAY) == ({_sha256("ann.b+shop@example.com")}, set(), {ben})
    with shop.connect() as connection:
        assert audiences.audiences_of(connection, ["ben@example.com"]) == []
