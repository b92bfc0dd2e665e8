"""The record of what was accepted survives a restart, pages right and counts double sends."""

from pathlib import Path
from typing import Any

import pytest

from sendgrid_simulator.faults import Fault, FaultError, Faults, fault_from_text, read_faults
from sendgrid_simulator.record import AcceptedRecord


def lines(start: int, count: int, request: int) -> list[dict[str, Any]]:
    return [
        {"message_id": f"m{n}", "address": "a@example.com", "request": request} for n in range(start, start + count)
    ]


def filled(folder: Path) -> AcceptedRecord:
    record = AcceptedRecord(folder)
    for request in range(5):
        record.append(lines(request * 700, 700, request + 1))
    return record


def test_pages_hold_every_line_once(tmp_path: Path) -> None:
    """Read in pages of an awkward size, the record gives every accepted recipient once, in order."""
    record = filled(tmp_path)
    found = [one["message_id"] for offset in range(0, 3600, 333) for one in record.page(offset, 333)]
    assert found == [f"m{n}" for n in range(3500)]
    assert record.page(3500, 10) == []
    record.close()


def test_a_restart_goes_on_where_it_stood(tmp_path: Path) -> None:
    """A second start counts what the first wrote, cuts off a half-written line and numbers on."""
    filled(tmp_path).close()
    with (tmp_path / "accepted.ndjson").open("ab") as file:
        file.write(b'{"message_id":"half')
    record = AcceptedRecord(tmp_path)
    assert (record.recipients, record.requests) == (3500, 5)
    record.append(lines(3500, 1, 6))
    assert [one["message_id"] for one in record.page(3499, 5)] == ["m3499", "m3500"]
    record.close()


def test_double_sends_show(tmp_path: Path) -> None:
    """A message id accepted twice makes fewer distinct ids than recipients."""
    record = filled(tmp_path)
    record.append(lines(10, 2, 6))
    assert (record.recipients, record.distinct_message_ids()) == (3502, 3500)
    record.close()


def test_reset_keeps_the_old_file_aside(tmp_path: Path) -> None:
    """After a reset the record is empty, and a file next to it keeps what it held."""
    record = filled(tmp_path)
    record.reset()
    assert (record.recipients, record.page(0, 10)) == (0, [])
    assert len((tmp_path / "accepted-before-reset-1.ndjson").read_text().splitlines()) == 3500
    record.close()


def test_faults_are_drawn_from_the_seed() -> None:
    """The same requests fail in every run, in about the share asked for, and a limited fault ends."""
    faults = Faults(0, [Fault("status", share=0.3)])
    failing = [number for number in range(2000) if faults.choose(7, number)]
    assert failing == [number for number in range(2000) if faults.choose(7, number)]
    assert 500 < len(failing) < 700
    limited = Faults(0, [Fault("drop", times=2)])
    assert [limited.choose(7, number) is not None for number in range(4)] == [True, True, False, False]


def test_faults_are_read_from_text_and_json() -> None:
    """The command line's form and the POST body describe the same faults; nonsense is refused."""
    assert fault_from_text("accepted-status=500:0.05") == Fault("status", 0.05, accepted=True, status=500)
    assert fault_from_text("drop") == Fault("drop", 1.0)
    assert read_faults({"delay_ms": 30, "faults": [{"answer": "reset"}]}) == Faults(30, [Fault("reset")])
    assert fault_from_text("reset_body:0.2") == Fault("reset_body", 0.2)
    for nonsense in ("accepted-stall_body", "explode:1", "status=5000", "drop:2", "drop:x"):
        with pytest.raises(FaultError):
            fault_from_text(nonsense)
    for given in ([], {"delay": 1}, {"faults": [{"what": 1}]}):
        with pytest.raises(FaultError):
            read_faults(given)
