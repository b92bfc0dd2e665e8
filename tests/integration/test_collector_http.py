"""The collector as a process: who may write, what is written, unsubscribes, and what it does under a kill."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from event_collector import pages
from event_collector.links import make_token
from local_stack.processes import free_port
from running_services import (
    Service,
    clean_environment,
    lines_in,
    module_command,
    running,
    running_collector,
    running_simulator,
    settle,
)  # fmt: skip
from sendgrid_simulator.webhook import SIGNATURE_HEADER, Signer, load_signer

SECRET = "link-secret-for-tests"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_signer(tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[tuple[Service, Path]]:
    folder = tmp_path_factory.mktemp("collector") / "events"
    folder.mkdir()
    settings = {"SENDGRID_WEBHOOK_PUBLIC_KEY": signer.public_key, "LIFECYCLE_LINK_SECRET": SECRET}
    with running_collector(folder, LIFECYCLE_COLLECTOR_MAX_BODY_BYTES="50000", **settings) as service:
        yield service, folder


@pytest.fixture
def collector(shared: tuple[Service, Path]) -> Service:
    return shared[0]


@pytest.fixture
def folder(shared: tuple[Service, Path]) -> Path:
    return shared[1]


def event(number: int | str, **fields: Any) -> dict[str, Any]:
    return {"email": f"reader{number}@example.com", "event": "open", "sg_event_id": f"e-{number}", **fields}


def post(
    service: Service, signer: Signer, body: bytes, at: float | None = None, path: str = "/events"
) -> httpx.Response:
    headers = signer.headers(body, str(int(time.time() if at is None else at)))
    return service.client.post(path, content=body, headers=headers)


def written(folder: Path) -> set[str]:
    return {line["sg_event_id"] for line in lines_in(folder)}


def test_a_signed_post_is_written(collector: Service, folder: Path, signer: Signer) -> None:
    """200, and each event is one line with all its fields, at once in the file and nothing added."""
    events = [event("w1", extra={"deep": [1]}), event("w2", **{"smtp-id": "<x>"})]
    assert post(collector, signer, json.dumps(events).encode() + b"\r\n").status_code == 200
    found = {line["sg_event_id"]: line for line in lines_in(folder)}
    assert [found["e-w1"], found["e-w2"]] == events


def test_a_slash_at_the_end_is_taken(collector: Service, folder: Path, signer: Signer) -> None:
    """SendGrid follows no redirect, so the same address with slashes at its end, or two before it, takes a post too."""
    for number, path in enumerate(("/events/", "//events", "/events//", "//events//?webhook=1")):
        body = json.dumps([event(f"slash{number}")]).encode()
        url = f"{collector.url}{path}"  # a client would take a path of two slashes for a host
        answer = collector.client.post(url, content=body, headers=signer.headers(body, str(int(time.time()))))
        assert answer.status_code == 200, path
        assert f"e-slash{number}" in written(folder)


def test_an_empty_array_is_fine(collector: Service, signer: Signer) -> None:
    """Nothing to write is no error."""
    assert post(collector, signer, b"[]").status_code == 200


def test_unsigned_posts_write_nothing(collector: Service, folder: Path, signer: Signer, tmp_path: Path) -> None:
    """Missing headers, garbage, another's key, another body and an old signature: each is 403, and no byte is
    written."""
    body = json.dumps([event("forged")]).encode()
    now = str(int(time.time()))
    good = signer.headers(body, now)
    other = load_signer(tmp_path, None).headers(body, now)
    attempts = [
        {}, {SIGNATURE_HEADER: good[SIGNATURE_HEADER]}, {**good, SIGNATURE_HEADER: "garbage"},
        {**good, SIGNATURE_HEADER: base64.b64encode(b"x" * 70).decode()}, other,
        signer.headers(body + b" ", now), signer.headers(body, str(int(time.time()) - 27 * 3600)),
    ]  # fmt: skip
    answers = [collector.client.post("/events", content=body, headers=one).status_code for one in attempts]
    assert answers == [403] * len(attempts)
    assert "e-forged" not in written(folder)


def test_bad_content_is_refused_after_the_signature(collector: Service, folder: Path, signer: Signer) -> None:
    """A signed body that is no JSON array is 400, one past the limit 413; neither writes anything."""
    before = written(folder)
    for body in (b"{}", b"not json", b"[1]"):
        assert post(collector, signer, body).status_code == 400
    assert post(collector, signer, json.dumps([event("big", pad="x" * 50_000)]).encode()).status_code == 413
    assert collector.client.get("/events").status_code == 405
    assert written(folder) == before


def test_health_says_nothing_personal(collector: Service) -> None:
    """Health answers 200 with counters only."""
    answer = collector.client.get("/health")
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "lines_written", "fsyncs"}


def test_one_click_unsubscribes(collector: Service, folder: Path) -> None:
    """A POST as RFC 8058 has it writes our own event; each second's word has an id of its own; no cookie is set."""
    token = make_token(SECRET, "m-1", "reminders")
    for body in ({"data": {"List-Unsubscribe": "One-Click"}}, {"files": {"List-Unsubscribe": (None, "One-Click")}}):
        answer = collector.client.post(f"/unsubscribe/{token}", **body)  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    found = [line for line in lines_in(folder) if line.get("lm_message_id") == "m-1"]
    assert len(found) == 2
    for line in found:
        timestamp = line.pop("timestamp")
        assert abs(timestamp - time.time()) < 60
        told = f"{token} {timestamp}"  # said at another second, it is another word
        assert line == {
            "event": "lm_unsubscribe", "lm_message_id": "m-1", "lm_topic": "reminders",
            "sg_event_id": "lm-" + hashlib.sha256(told.encode()).hexdigest()[:32],
        }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click\r\n"),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"list-unsubscribe=one-click"),
        ("text/plain", b" List-Unsubscribe=One-Click"),
        ("Multipart/Form-Data; boundary=b",
         b"--b\r\ncontent-disposition: form-data; name=list-unsubscribe\r\n\r\nOne-Click\r\n--b--"),
    ],
)  # fmt: skip
def test_one_click_counts_in_the_forms_that_mail_programs_write(
    collector: Service, folder: Path, form: str, body: bytes
) -> None:
    """Case, quotes and a line end are no reason to leave a person subscribed."""
    token = make_token(SECRET, f"form-{len(body)}", "reminders")
    for path in (f"/unsubscribe/{token}", f"//unsubscribe/{token}"):
        answer = collector.client.post(f"{collector.url}{path}", content=body, headers={"Content-Type": form})
        assert answer.status_code == 200
    assert len([line for line in lines_in(folder) if line.get("lm_message_id") == f"form-{len(body)}"]) == 2


def test_a_get_never_unsubscribes(collector: Service, folder: Path) -> None:
    """A scanner that follows the link, or posts anything but the one click, changes nothing."""
    token = make_token(SECRET, "m-2", "reminders")
    page = collector.client.get(f"/unsubscribe/{token}")
    assert page.status_code == 200
    assert page.text.count("<button>") == 1
    assert "<script" not in page.text
    assert collector.client.head(f"/unsubscribe/{token}").status_code == 200
    assert collector.client.post(f"/unsubscribe/{token}").status_code == 400
    assert collector.client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "No"}).status_code == 400
    assert not [line for line in lines_in(folder) if line.get("lm_message_id") == "m-2"]


def test_a_link_that_cannot_be_read_is_answered_in_words(collector: Service, folder: Path) -> None:
    """A link of another secret, cut off, damaged or without a token: a page says what to do, for GET and POST alike.
    Its status is 404, it repeats nothing of the link, and nothing is written."""
    good = make_token(SECRET, "m-4", "reminders")
    damaged = ("/" + make_token("other", "m-4", "reminders"), "/" + good[:-1], "/" + good[1:], f"/{good}/x", "/garbage",
               "/a.b", "/%F0%9F%A7%BA", "/" + "x" * 5000, "/", "")  # fmt: skip
    for path in damaged:
        for method in ("GET", "POST"):
            answer = collector.client.request(method, f"/unsubscribe{path}", data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 404, path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "We cannot read this link" in answer.text
            assert answer.text == pages.UNREADABLE
    assert not [line for line in lines_in(folder) if line.get("lm_message_id") == "m-4"]


def test_signs_around_a_link_do_not_damage_it(collector: Service, folder: Path) -> None:
    """A mail program may take a full stop, a bracket or a slash along with the link: it is read all the same."""
    token = make_token(SECRET, "m-5", "reminders")
    for sign in (".", ")", "/", ">", "%20", "%E2%81%A9"):
        assert collector.client.get(f"/unsubscribe/{token}{sign}").status_code == 200
    answer = collector.client.post(f"/unsubscribe/{token}.", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert [line["lm_topic"] for line in lines_in(folder) if line.get("lm_message_id") == "m-5"] == ["reminders"]


def test_the_log_names_nobody(collector: Service, signer: Signer) -> None:
    """After good and bad posts the log holds no address and no token."""
    token = make_token(SECRET, "m-3", "reminders")
    collector.client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    post(collector, signer, json.dumps([event("log")]).encode())
    post(collector, signer, b'["reader@example.com"]')
    collector.client.post("/events", json=[event("log")])
    log = collector.log.read_text()
    assert "refused" in log
    assert "@" not in log
    assert token not in log


def test_simulator_and_collector_agree(tmp_path: Path) -> None:
    """What the simulator posts, split over two workers and with duplicates, is all in the files."""
    folder, port = tmp_path / "events", free_port()
    folder.mkdir()
    with running_simulator(
        tmp_path / "s" / "record", "--webhook-url", f"http://127.0.0.1:{port}/events", "--duplicates", "0.3"
    ) as simulator:
        env = clean_environment(
            LIFECYCLE_EVENTS_DIR=str(folder),
            SENDGRID_WEBHOOK_PUBLIC_KEY_FILE=str(tmp_path / "s" / "record" / "webhook_public_key.txt"),
        )
        command = module_command("event_collector", "--port", str(port), "--workers", "2")
        with running(command, env, f"http://127.0.0.1:{port}", "/health", {}, tmp_path / "collector.log"):
            body = {
                "personalizations": [{"to": [{"email": f"open+{n}@example.com"}]} for n in range(200)],
                "from": {"email": "shop@example.com"}, "subject": "x",
                "content": [{"type": "text/plain", "value": "x"}],
            }  # fmt: skip
            assert simulator.client.post("/v3/mail/send", json=body).status_code == 202
            state = settle(simulator)
    kinds = Counter(line["event"] for line in {line["sg_event_id"]: line for line in lines_in(folder)}.values())
    assert kinds == {"processed": 200, "delivered": 200, "open": 200}
    assert len(lines_in(folder)) == state["events_posted"] > 600


class Poster(threading.Thread):
    """Posts events as fast as it can until the collector dies; remembers which were acknowledged."""

    def __init__(self, url: str, signer: Signer, name: str) -> None:
        super().__init__(daemon=True)
        self.url, self.signer, self.label = url, signer, name
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=10) as client:
            for number in range(100_000):
                names = [f"{self.label}-{number}-{n}" for n in range(20)]
                body = json.dumps([event(name, pad="x" * 200) for name in names]).encode()
                try:
                    answer = client.post(
                        "/events", content=body, headers=self.signer.headers(body, str(int(time.time())))
                    )
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    self.acknowledged.update(f"e-{name}" for name in names)


def acknowledged_by(posters: list[Poster]) -> set[str]:
    return set().union(*(poster.acknowledged.copy() for poster in posters))


@pytest.mark.parametrize("enough", [200, 1000, 3000])
def test_a_kill_loses_nothing_acknowledged(tmp_path: Path, signer: Signer, enough: int) -> None:
    """kill -9 with posts in flight: every acknowledged event is in a file; only a last line may be cut."""
    folder = tmp_path / "events"
    folder.mkdir()
    with running_collector(folder, SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key) as service:
        posters = [Poster(service.url, signer, f"p{n}") for n in range(6)]
        for poster in posters:
            poster.start()
        deadline = time.monotonic() + 60
        while len(acknowledged_by(posters)) < enough and time.monotonic() < deadline:
            time.sleep(0.005)
        service.kill()
        for poster in posters:
            poster.join(20)
    found: set[str] = set()
    for file in folder.glob("*.ndjson"):
        *whole, _ = file.read_text().split("\n")
        found |= {json.loads(line)["sg_event_id"] for line in whole}
    acknowledged = acknowledged_by(posters)
    assert len(acknowledged) >= enough
    assert acknowledged <= found


def test_a_full_disk_is_503_and_passes(tmp_path: Path, signer: Signer) -> None:
    """If a file cannot grow, the post is answered 503 with one log line. What was acknowledged stays whole, and later
    posts are taken."""
    folder, port = tmp_path / "events", free_port()
    folder.mkdir()
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
        "sys.argv = ['event_collector', *sys.argv[1:]]; runpy.run_module('event_collector', run_name='__main__')"
    )
    env = clean_environment(LIFECYCLE_EVENTS_DIR=str(folder), SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key)
    command = [sys.executable, "-c", limited, "--port", str(port)]
    with running(command, env, f"http://127.0.0.1:{port}", "/health", {}, tmp_path / "collector.log") as service:
        answers = [
            post(service, signer, json.dumps([event(n, pad="x" * 6000)]).encode()).status_code for n in range(10)
        ]
        assert post(service, signer, json.dumps([event("huge", pad="x" * 30_000)]).encode()).status_code == 503
        assert post(service, signer, json.dumps([event("after")]).encode()).status_code == 200
        assert service.client.get("/health").status_code == 200
    assert set(answers) == {200, 503}
    expected = {f"e-{n}" for n, status in enumerate(answers) if status == 200} | {"e-after"}
    assert written(folder) == expected
    log = [line for line in (tmp_path / "collector.log").read_text().splitlines() if "cannot write" in line]
    assert 1 <= len(log) <= answers.count(503) + 1


def test_a_folder_that_goes_away_is_503(tmp_path: Path, signer: Signer) -> None:
    """A folder removed under the running service: health and posts say 503; once back, it goes on."""
    folder = tmp_path / "events"
    folder.mkdir()
    with running_collector(folder, SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key) as service:
        folder.rmdir()
        assert service.client.get("/health").status_code == 503
        assert post(service, signer, json.dumps([event(1)]).encode()).status_code == 503
        folder.mkdir()
        assert post(service, signer, json.dumps([event(1)]).encode()).status_code == 200
    assert written(folder) == {"e-1"}


def test_a_port_in_use_is_one_line(collector: Service, tmp_path: Path, signer: Signer) -> None:
    """A second collector at the same port says so in one line and exits 1."""
    env = clean_environment(LIFECYCLE_EVENTS_DIR=str(tmp_path), SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key)
    command = module_command("event_collector", "--port", collector.url.rpartition(":")[2])
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "already in use" in done.stderr


def test_unsigned_posts_need_the_option(tmp_path: Path) -> None:
    """With --insecure-without-signature, and only so, a post without a signature is taken."""
    folder = tmp_path / "events"
    folder.mkdir()
    with running_collector(folder, "--insecure-without-signature") as service:
        assert service.client.post("/events", json=[event(1)]).status_code == 200
        assert "not checked" in service.log.read_text()
    assert written(folder) == {"e-1"}
