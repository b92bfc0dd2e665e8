"""The simulator as a process: SendGrid's answers over HTTP, the record, faults, suppressions, the pages."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from typer.testing import CliRunner

from running_services import (
    API_KEY,
    UI_TOKEN,
    Service,
    clean_environment,
    module_command,
    running_simulator,
    settle,
)
from sendgrid_simulator.__main__ import cli
from sendgrid_specification import mail_specification, needs_specification, suppression_specification


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_simulator(tmp_path_factory.mktemp("simulator") / "record", "--post-every", "0.05") as service:
        yield service


@pytest.fixture
def simulator(shared: Service) -> Service:
    """A running simulator with nothing in it."""
    shared.client.post("/simulator/faults", json={}).raise_for_status()
    shared.client.post("/simulator/reset").raise_for_status()
    return shared


def mail(*addresses: str, **changes: Any) -> dict[str, Any]:
    return {
        "personalizations": [
            {
                "to": [{"email": address}],
                "custom_args": {"lm_message_id": f"m{n}"},
                "substitutions": {"-n-": str(n)},
            }
            for n, address in enumerate(addresses or ("deliver+1@example.com",))
        ],
        "from": {"email": "shop@example.com", "name": "Shop"},
        "subject": "Number -n-",
        "content": [
            {"type": "text/plain", "value": "Hi -n-"},
            {"type": "text/html", "value": '<p>Hi -n-</p><a href="https://x.example.com/-n-">x</a>'},
        ],
        **changes,
    }


def send(service: Service, body: Any, **options: Any) -> httpx.Response:
    return service.client.post("/v3/mail/send", json=body, **options)


def accepted(service: Service) -> dict[str, int]:
    counts: dict[str, int] = service.client.get("/simulator/accepted/count?distinct=1").json()
    return counts


def test_a_good_mail_is_accepted_and_recorded(simulator: Service) -> None:
    """The answer is 202 with an empty body, X-Message-Id and rate headers; the record has one line per recipient."""
    answer = send(simulator, mail("deliver+1@example.com", "deliver+2@example.com"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert {"x-message-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(answer.headers)
    page = simulator.client.get("/simulator/accepted").json()
    lines = [{key: line[key] for key in ("message_id", "address", "role", "request")} for line in page["items"]]
    assert lines == [
        {"message_id": "m0", "address": "deliver+1@example.com", "role": "to", "request": 1},
        {"message_id": "m1", "address": "deliver+2@example.com", "role": "to", "request": 1},
    ]
    assert {line["x_message_id"] for line in page["items"]} == {answer.headers["x-message-id"]}
    assert accepted(simulator) == {"recipients": 2, "requests": 1, "distinct_message_ids": 2}


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {API_KEY}", "Bearer"])
def test_without_the_key_nothing_is_answered(simulator: Service, given: str | None) -> None:
    """401 in SendGrid's form for a missing or wrong key, on SendGrid's endpoints and the tests' own."""
    headers = {"Authorization": given} if given else {}
    for method, path in (
        ("POST", "/v3/mail/send"),
        ("GET", "/simulator/accepted"),
        ("GET", "/v3/suppression/bounces"),
    ):
        answer = httpx.request(method, simulator.url + path, headers=headers, json=mail(), trust_env=False)
        assert answer.status_code == 401
        assert set(answer.json()["errors"][0]) == {"message", "field", "help"}


def test_refusals_before_the_body_is_read_as_a_mail(simulator: Service) -> None:
    """Wrong type, compression and encoding are 415; no JSON is 400; too large 413; method 405; path 404."""
    post = simulator.client.post
    good = json.dumps(mail()).encode()
    json_type = {"Content-Type": "application/json"}
    assert post("/v3/mail/send", content=good, headers={"Content-Type": "text/plain"}).status_code == 415
    assert post("/v3/mail/send", content=good, headers={**json_type, "Content-Encoding": "gzip"}).status_code == 415
    assert post("/v3/mail/send", content=b'{"a":"\xff"}', headers=json_type).status_code == 415
    assert post("/v3/mail/send", content=b'{"a":', headers=json_type).status_code == 400
    assert post("/v3/mail/send", content=b" " * (30 * 1024 * 1024 + 1), headers=json_type).status_code == 413
    assert simulator.client.get("/v3/mail/send").status_code == 405
    assert simulator.client.get("/v3/nothing").status_code == 404
    assert accepted(simulator)["recipients"] == 0


def test_one_bad_recipient_refuses_the_whole_request(simulator: Service) -> None:
    """400 names the field, and no recipient of the request is accepted."""
    addresses = [f"reader{n}@example.com" for n in range(30)]
    addresses[16] = "broken address"
    answer = send(simulator, mail(*addresses))
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["errors"]] == ["personalizations.16.to.0.email"]
    assert accepted(simulator)["recipients"] == 0


def test_sandbox_mode_accepts_nothing(simulator: Service) -> None:
    """A valid mail in sandbox mode is answered 200, is not recorded and causes no event."""
    assert send(simulator, mail(mail_settings={"sandbox_mode": {"enable": True}})).status_code == 200
    state = settle(simulator)
    assert (state["recipients"], state["events"]) == (0, {})


@needs_specification
def test_answers_conform_to_the_specification(simulator: Service) -> None:
    """Every answer of mail/send and mail/batch is one the published specification (with overlay) describes."""
    specification = OpenAPI.from_dict(mail_specification())
    bad = mail("broken")
    cases = [
        ("/v3/mail/send", mail(), {}), ("/v3/mail/send", bad, {}),
        ("/v3/mail/send", mail(mail_settings={"sandbox_mode": {"enable": True}}), {}),
        ("/v3/mail/send", mail(), {"Authorization": "Bearer wrong"}), ("/v3/mail/batch", None, {}),
    ]  # fmt: skip
    seen = []
    for path, body, headers in cases:
        answer = simulator.client.post(path, json=body, headers=headers)
        request = MockRequest(
            "https://api.sendgrid.com", "POST", path, headers={"Authorization": "Bearer x"},
            data=json.dumps(body).encode(),
        )  # fmt: skip
        if body is not None and body is not bad:
            specification.validate_request(request)
        content_type = answer.headers.get("content-type", "application/json")
        specification.validate_response(
            request, MockResponse(answer.content, answer.status_code, content_type=content_type)
        )
        seen.append(answer.status_code)
    assert seen == [202, 400, 200, 401, 201]


@needs_specification
def test_suppression_answers_conform_to_the_specification(simulator: Service) -> None:
    """The suppression endpoints answer in the shapes of the published specification."""
    send(
        simulator,
        mail("bounce+1@example.com", "block+1@example.com", "drop+1@example.com", "complain+1@example.com"),
    )
    settle(simulator)
    specification = OpenAPI.from_dict(suppression_specification())
    add = {"recipient_emails": ["left@example.com"]}
    calls = [
        ("POST", "/v3/asm/groups", {"name": "News", "description": "All the news"}),
        ("POST", "/v3/asm/suppressions/global", add), ("POST", "/v3/asm/groups/101/suppressions", add),
        ("POST", "/v3/asm/groups/101/suppressions/search", add),
        *[("GET", "/v3/suppression/" + name, None) for name in
          ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")],
        ("GET", "/v3/suppression/bounces/bounce+1@example.com", None),
        ("GET", "/v3/asm/suppressions/global/left@example.com", None), ("GET", "/v3/asm/groups", None),
        ("GET", "/v3/asm/groups/101", None), ("GET", "/v3/asm/groups/101/suppressions", None),
        ("GET", "/v3/asm/suppressions", None), ("GET", "/v3/asm/suppressions/left@example.com", None),
    ]  # fmt: skip
    for method, path, body in calls:
        answer = simulator.client.request(method, path, json=body)
        assert answer.is_success, path
        assert answer.json(), path
        request = MockRequest("https://api.sendgrid.com", method.lower(), path, headers={"Authorization": "Bearer x"})
        response = MockResponse(answer.content, answer.status_code, content_type="application/json")
        specification.validate_response(request, response)


def test_the_suppressed_are_accepted_and_dropped(simulator: Service) -> None:
    """A recipient who bounced hard, complained or left is answered 202 and dropped; one who was blocked is tried
    again."""
    words = ("bounce", "complain", "unsubscribe", "group_unsubscribe", "block")
    addresses = [f"{word}+1@example.com" for word in words]
    assert send(simulator, mail(*addresses, asm={"group_id": 5})).status_code == 202
    before = settle(simulator)["events"]
    assert "dropped" not in before
    assert send(simulator, mail(*addresses, asm={"group_id": 5})).status_code == 202
    after = settle(simulator)["events"]
    assert (after["dropped"], after["block"]) == (4, 2)
    assert send(simulator, mail(*addresses, asm={"group_id": 6})).status_code == 202
    assert settle(simulator)["events"]["dropped"] == 7, "leaving group 5 does not stop group 6"


def test_suppressions_are_read_by_time_and_page(simulator: Service) -> None:
    """start_time and end_time are inclusive, limit and offset page, 501 a page is refused."""
    client = simulator.client
    client.post("/v3/asm/suppressions/global", json={"recipient_emails": [f"left{n}@example.com" for n in range(5)]})
    rows = client.get("/v3/suppression/unsubscribes").json()
    created = rows[0]["created"]
    assert abs(created - time.time()) < 30
    paged = [client.get("/v3/suppression/unsubscribes", params={"limit": 2, "offset": n}).json() for n in (0, 2, 4, 6)]
    assert [len(page) for page in paged] == [2, 2, 1, 0]
    assert sorted(one["email"] for page in paged for one in page) == [f"left{n}@example.com" for n in range(5)]
    window = {"start_time": created - 60, "end_time": created + 60}
    assert len(client.get("/v3/suppression/unsubscribes", params=window).json()) == 5
    assert client.get("/v3/suppression/unsubscribes", params={"end_time": created - 60}).json() == []
    assert client.get("/v3/suppression/unsubscribes", params={"limit": 501}).status_code == 400
    assert client.delete("/v3/asm/suppressions/global/left0@example.com").status_code == 204
    assert client.get("/v3/asm/suppressions/global/left0@example.com").json() == {}


def test_faults_before_and_after_acceptance(simulator: Service) -> None:
    """A refused request is not recorded; one accepted before the failure is, whatever the client saw."""

    def outcome(fault: dict[str, Any]) -> str:
        simulator.client.post("/simulator/faults", json={"faults": [fault]}).raise_for_status()
        try:
            with httpx.Client(headers=simulator.client.headers, trust_env=False) as client:
                return str(client.post(simulator.url + "/v3/mail/send", json=mail(), timeout=1).status_code)
        except httpx.TransportError as error:
            return type(error).__name__

    assert outcome({"answer": "status", "status": 503}) == "503"
    assert outcome({"answer": "status", "status": 429, "rate_headers": False}) == "429"
    assert outcome({"answer": "drop"}) in ("RemoteProtocolError", "ReadError")
    assert outcome({"answer": "reset"}) in ("ReadError", "RemoteProtocolError")
    assert outcome({"answer": "hang"}) == "ReadTimeout"
    assert accepted(simulator)["recipients"] == 0
    assert outcome({"answer": "status", "status": 500, "accepted": True}) == "500"
    assert outcome({"answer": "drop", "accepted": True}) in ("RemoteProtocolError", "ReadError")
    assert outcome({"answer": "hang", "accepted": True}) == "ReadTimeout"
    assert accepted(simulator)["recipients"] == 3
    assert outcome({"answer": "status", "share": 0}) == "202"


def test_faults_of_the_connection(simulator: Service) -> None:
    """Half-closed, cut, garbled and broken off: the client learns nothing; only what was read whole may be taken."""

    def outcome(fault: dict[str, Any]) -> str:
        simulator.client.post("/simulator/faults", json={"faults": [fault]}).raise_for_status()
        large = mail(subject="x" * 400_000)
        try:
            with httpx.Client(headers=simulator.client.headers, trust_env=False) as client:
                return str(client.post(simulator.url + "/v3/mail/send", json=large, timeout=1).status_code)
        except httpx.TransportError as error:
            return type(error).__name__

    broken = ("ReadError", "RemoteProtocolError", "WriteError")
    assert outcome({"answer": "half_close"}) == "RemoteProtocolError"
    assert outcome({"answer": "cut_answer"}) in broken
    assert outcome({"answer": "not_http"}) == "RemoteProtocolError"
    assert outcome({"answer": "reset_body"}) in broken
    assert outcome({"answer": "stall_body", "seconds": 2}) in ("ReadTimeout", "WriteTimeout")
    assert accepted(simulator)["recipients"] == 0
    for answer in ("half_close", "cut_answer", "not_http"):
        assert outcome({"answer": answer, "accepted": True}) in broken
    assert accepted(simulator)["recipients"] == 3


def test_a_fault_can_name_a_recipient_and_a_reset(simulator: Service) -> None:
    """400 names the field of the place given; 429 says when the limit ends; no recipient was accepted."""
    fault = {"answer": "status", "status": 400, "recipient": 16}
    simulator.client.post("/simulator/faults", json={"faults": [fault]}).raise_for_status()
    answer = send(simulator, mail(*[f"reader{n}@example.com" for n in range(30)]))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "personalizations.16.to.0.email")
    fault = {"answer": "status", "status": 429, "rate_reset_seconds": 2}
    simulator.client.post("/simulator/faults", json={"faults": [fault]}).raise_for_status()
    answer = send(simulator, mail())
    assert 0 <= int(answer.headers["x-ratelimit-reset"]) - time.time() <= 3
    assert accepted(simulator)["recipients"] == 0


def test_delay_holds_every_answer_back(simulator: Service) -> None:
    """delay_ms is the least time an answer takes."""
    simulator.client.post("/simulator/faults", json={"delay_ms": 300}).raise_for_status()
    started = time.monotonic()
    assert send(simulator, mail()).status_code == 202
    assert time.monotonic() - started >= 0.3


def test_what_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    """Every recipient whose 202 arrived is in the record after kill -9, and counted after a restart."""
    with running_simulator(tmp_path / "record") as service:
        for start in range(0, 200, 50):
            assert send(service, mail(*[f"reader{n}@example.com" for n in range(start, start + 50)])).status_code == 202
        service.kill()
    lines = [json.loads(line) for line in (tmp_path / "record" / "accepted.ndjson").read_text().splitlines()]
    assert {line["address"] for line in lines} == {f"reader{n}@example.com" for n in range(200)}
    with running_simulator(tmp_path / "record") as service:
        assert accepted(service)["recipients"] == 200


def test_sink_only_counts(tmp_path: Path) -> None:
    """In count-only mode recipients are counted, answered 202, and neither recorded nor shown."""
    with running_simulator(tmp_path / "record", "--sink") as service:
        for _ in range(3):
            assert send(service, mail(*[f"reader{n}@example.com" for n in range(100)])).status_code == 202
        counts = service.client.get("/simulator/accepted/count").json()
        assert counts == {"recipients": 300, "requests": 3}
        assert service.client.get("/simulator/accepted").json()["items"] == []
    assert (tmp_path / "record" / "accepted.ndjson").read_text() == ""


def test_strict_account(tmp_path: Path) -> None:
    """Named groups, senders and a rate limit are enforced: 400, 403 and 429 with its headers."""
    options = ("--group", "5:News", "--verified-sender", "example.com", "--rate-limit", "4")
    with running_simulator(tmp_path / "record", *options) as service:
        assert send(service, mail(asm={"group_id": 5})).status_code == 202
        assert send(service, mail(asm={"group_id": 6})).status_code == 400
        assert send(service, mail(**{"from": {"email": "a@other.example"}})).status_code == 403
        assert send(service, mail()).status_code == 202
        answer = send(service, mail())
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.json()["errors"][0]["message"] == "too many requests"


def test_pages_ask_who_you_are(simulator: Service) -> None:
    """Without the token every page leads to the login; a wrong one is refused; the right one opens the list."""
    send(simulator, mail())
    with httpx.Client(base_url=simulator.url, trust_env=False) as visitor:
        for path in ("/", "/outbox/1"):
            answer = visitor.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/login")
        assert visitor.post("/login", data={"token": "wrong"}).status_code == 403
        assert visitor.get("/", auth=("anyone", "wrong")).status_code == 401
        assert visitor.get("/", auth=("anyone", UI_TOKEN)).status_code == 200
        outside = visitor.post("/login?next=//evil.example", data={"token": UI_TOKEN})
        assert outside.headers["location"] == "/"
        assert UI_TOKEN not in outside.headers["set-cookie"]
        assert visitor.get("/").status_code == 200


def test_the_outbox_shows_the_mail_as_received(simulator: Service) -> None:
    """The list filters by campaign and outcome; a mail shows substituted parts, arguments and its events."""
    send(simulator, mail("click+1@example.com", categories=["cart"]))
    send(simulator, mail("bounce+1@example.com", categories=["birthday"]))
    settle(simulator)
    with httpx.Client(base_url=simulator.url, auth=("x", UI_TOKEN), trust_env=False) as visitor:
        assert "click+1@example.com" not in visitor.get("/?campaign=birthday").text
        bounced = visitor.get("/?outcome=bounced").text
        assert "bounce+1@example.com" in bounced
        assert "click+1@example.com" not in bounced
        page = visitor.get("/outbox/1").text
        assert "Number 0" in page
        assert "https://x.example.com/0" in page
        assert "Clicked" in page
        assert 'sandbox=""' in page
        assert "<script" not in page
        assert visitor.get("/outbox/999").status_code == 404


def test_the_outbox_keeps_only_the_newest(tmp_path: Path) -> None:
    """Beyond its limit the oldest mails leave the page, and the record still counts them."""
    with running_simulator(tmp_path / "record", "--outbox-limit", "10") as service:
        send(service, mail(*[f"reader{n}@example.com" for n in range(25)]))
        assert accepted(service)["recipients"] == 25
        with httpx.Client(base_url=service.url, auth=("x", UI_TOKEN), trust_env=False) as visitor:
            page = visitor.get("/").text
            assert "reader24@example.com" in page
            assert "reader14@example.com" not in page
            assert visitor.get("/outbox/15").status_code == 404


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rate", "opens=0.1"], "no rate is called 'opens'"),
        (["--rate", "open=2"], "rate open must lie between 0 and 1"),
        (["--group", "News"], "write ID:NAME"),
        (["--fault", "explode"], "fault answer must be one of"),
        (["--private-key", "missing.pem"], "missing.pem"),
        (["--host", "0.0.0.0"], "needs a key of your own"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, options: list[str], words: str) -> None:
    """A configuration that cannot work is refused with one readable line and exit 1."""
    arguments = ["--record", str(tmp_path), "--port", "0", *options]
    done = CliRunner().invoke(cli, arguments, env={"SENDGRID_API_KEY": None})
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_one_line(simulator: Service, tmp_path: Path) -> None:
    """A second simulator at the same port says so in one line and exits 1."""
    command = module_command(
        "sendgrid_simulator", "--record", str(tmp_path), "--port", simulator.url.rpartition(":")[2]
    )
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "in use" in done.stderr
