"""The pages behind the links in mails: what they show, what a POST says, and that a claim right after it knows."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from builders import rows
from lifecycle_mail.database import engine
from lifecycle_mail.kpis.timeline import timeline
from lifecycle_mail.messages.links import EndedLink, UnreadableLink, make_page_token, read_page_token
from mailbox_world import SECRET, World
from recipient_pages.reading import Reader
from recipient_pages.settings import PagesError
from recipient_site import Site, running_pages, site_of, url_of_pages

MESSAGE = "018f3c1e-7b1a-7000-8000-000000000001"


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    world.load("a,ann.smith@example.com,confirmed,", "b,bob@example.com,confirmed,")
    with site_of(world) as one:
        yield one


def test_a_scanner_changes_nothing(site: Site) -> None:
    """GET and HEAD of every page answer 200 and write no line. No page shows the address, the name or the id."""
    mail = site.mail("a")
    for page in ("", "preferences", "leave", "stay", "confirm", "view", "undo", "leaving"):
        for method in ("GET", "HEAD"):
            answer = site.client.request(method, site.link(mail, page))
            assert answer.status_code == 200, page
            assert "ann.smith" not in answer.text
            assert answer.headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-robots-tag"] == "noindex, nofollow"
            assert answer.headers["cache-control"] == "no-store"
            assert "set-cookie" not in answer.headers
            assert "<script" not in answer.text
    assert site.said() == []


def test_only_this_topic_everything_and_undo(site: Site) -> None:
    """Leaving one topic stops its planned mails and no others, everything stops all, and undo brings back what was. No
    ingest runs in between: a delivery takes the answers in before it claims. So a no stops what is planned already."""
    mail = site.mail("a")
    words = site.words(site.say(mail, "leave", what="topic"))
    assert words.startswith("Done You get no more of these mails: Reminders")
    assert site.world.mailed("a", "b") == {"b"}
    assert site.world.permissions()["a"] == "confirmed"
    site.say(mail, "undo", what="topic")
    assert site.mailed_next("a") == {"a"}
    assert site.words(site.say(mail, "leave", what="all")).startswith("Done You get no more of our mails.")
    assert site.world.mailed("a", "b") == {"b"}
    site.say(mail, "undo", what="all")
    assert site.mailed_next("a") == {"a"}
    kinds = [(line["event"], line.get("lm_topic", line.get("page"))) for line in site.said()]
    assert kinds == [
        ("lm_unsubscribe", "reminders"), ("lm_return", "reminders"), ("lm_unsubscribe", "all"), ("lm_confirm", "undo"),
    ]  # fmt: skip


def test_undo_brings_no_topic_back_that_was_left_before(site: Site) -> None:
    """Who had left the reminders, then everything, and takes the second back, is still out of the reminders."""
    mail = site.mail("a")
    site.say(mail, "leave", what="topic")
    site.say(mail, "leave", what="all")
    assert site.world.mailed("a") == set()
    site.say(mail, "undo", what="all")
    assert site.mailed_next("a") == set()
    site.world.report()
    page = site.client.get(site.link(mail, "preferences")).text
    assert 'value="offers" checked' in page
    assert 'value="reminders" checked' not in page


def test_preferences_by_topic_and_the_birthday(site: Site) -> None:
    """What is ticked comes, what is not stays away; the birthday fills an empty one, and is asked once."""
    mail = site.mail("a")
    assert "When is your birthday?" in site.client.get(site.link(mail)).text
    saved = site.say(mail, "preferences", topic=["offers", "made_up"], day="29", month="2")
    assert "Saved." in site.words(saved)
    assert site.world.mailed("a") == set()
    with site.world.warehouse.connect() as connection:
        born = rows(connection, "select birthday::text, permission from source.customer where customer_id = 'a'")
        log = rows(connection, "select permission, origin from source.permission_change where origin <> 'feed'")
        told = rows(connection, "select survey, answer, is_current, customer_id from event.survey_answer")
    assert born == [("0004-02-29", "confirmed")]
    assert log == [("confirmed", "preference_centre")]
    assert told == [("birthday", "--02-29", True, "a")]
    page = site.client.get(site.link(mail)).text
    assert "When is your birthday?" not in page
    assert 'value="offers" checked' in page
    site.say(mail, "preferences", topic=["offers", "reminders"])
    assert site.mailed_next("a") == {"a"}
    assert site.client.post(site.link(mail, "preferences"), data={"day": "30", "month": "2"}).status_code == 400
    assert site.client.post(site.link(mail, "preferences"), data={"day": "³", "month": "x"}).status_code == 400


def test_confirming_is_a_yes_with_its_page_and_time(site: Site) -> None:
    """A pending customer who confirms has confirmed; the log says by which page and when."""
    mail = site.mail("a")
    with site.world.warehouse.begin() as connection:
        connection.exec_driver_sql("update source.customer set permission = 'pending' where customer_id = 'a'")
    assert "a…\u2060@example.com" in site.client.get(site.link(mail, "confirm")).text
    assert site.world.permissions()["a"] == "pending"
    assert site.say(mail, "confirm").status_code == 200
    said_at = site.world.now
    assert site.mailed_next("a") == {"a"}
    with site.world.warehouse.connect() as connection:
        query = "select permission, origin, permission_at from source.permission_change where origin <> 'feed'"
        assert rows(connection, query) == [("confirmed", "confirmation", said_at)]


def test_staying_is_a_sign_of_life(site: Site) -> None:
    """The answer is kept, and counts as the customer's newest click."""
    mail = site.mail("a")
    site.say(mail, "stay")
    said_at = site.world.now
    site.world.installation.ingest()
    with site.world.warehouse.connect() as connection:
        query = "select survey, answer, answered_at, is_current from event.survey_answer"
        assert rows(connection, query) == [("stay_or_go", "stay", said_at, True)]
        query = "select last_click_at from source.customer_activity where customer_id = 'a'"
        assert rows(connection, query) == [(said_at,)]


def test_a_change_of_mind_is_a_row_more(site: Site) -> None:
    """The same form twice in a second says it once; a later answer becomes the current one, whatever order they are
    ingested in. What the mail did not ask is refused."""
    mail = site.mail("a")
    with ThreadPoolExecutor(4) as pool:
        path = site.link(mail, "leaving")
        asked = [pool.submit(site.client.post, path, data={"reason": "too_many"}) for _ in range(4)]
        assert [one.result().status_code for one in asked] == [200] * 4
    site.say(mail, "leaving", reason="other")
    site.world.installation.ingest()
    site.world.installation.ingest()
    with site.world.warehouse.connect() as connection:
        query = "select answer, is_current from event.survey_answer order by answered_at"
        assert rows(connection, query) == [("too_many", False), ("other", True)]
    for form in ({}, {"reason": "because"}, {"reason": ["other", "too_many"]}):
        assert site.client.post(site.link(mail, "leaving"), data=form).status_code == 400
    assert site.client.get(site.link(mail, "survey/size/small")).status_code == 404
    assert site.client.post(site.link(mail, "survey/size/small"), data={"answer": "small"}).status_code == 404


def test_a_survey_is_what_the_mail_asks(site: Site) -> None:
    """Question, answers and their words are those of the mail's own links. The one that was clicked is chosen, another
    may be sent, and `why` shows what was. Escaped words stay words."""
    mail = site.mail("a")
    link = '<a title="Right &lt;size&gt;?" href="{page}/survey/size/'
    links = f'{link}small">Too small</a>{link}fits"><b>Fits</b></a><a href="https://shop.test/survey/size/forged">x</a>'
    with site.world.warehouse.begin() as connection:
        put = """update message.shell set html =
            replace(html, '</body>', replace(:links, '{page}', slot_tokens ->> 'html.page_url') || '</body>')"""
        connection.execute(sa.text(put), {"links": links})
    asked = site.client.get(site.link(mail, "survey/size/small"))
    assert site.words(asked) == "Right &lt;size&gt;? Your answer Too small Fits Send my answer"
    assert 'value="small" checked' in asked.text
    assert site.said() == []
    assert site.say(mail, "survey/size/small", answer="fits").status_code == 200
    site.world.installation.ingest()
    with site.world.warehouse.connect() as connection:
        query = "select campaign, step, survey, answer, is_current from event.survey_answer"
        assert rows(connection, query) == [("cart_abandoned", "reminder", "size", "fits", True)]
        assert ("answered", "size: fits") in [(one.what, one.why) for one in timeline(connection, "a")]
    forged = (("survey/size/forged", "forged"), ("survey/size/small", "forged"), ("survey/other/small", "small"))
    for page, answer in forged:
        assert site.client.post(site.link(mail, page), data={"answer": answer}).status_code in (400, 404)


def test_the_copy_is_the_mail_itself(site: Site) -> None:
    """Rebuilt from shell and slots, it is what the provider got, with its own links, and nothing of other people."""
    first, second = site.mail("a"), site.mail("b")
    copies = [site.client.get(site.link(mail, "view")) for mail in (first, second)]
    for copy, mail in zip(copies, (first, second), strict=True):
        assert "img-src https: http:; style-src 'unsafe-inline'; form-action 'none'" in (
            copy.headers["content-security-policy"]
        )
        own = site.link(mail, "", days=400).removeprefix("/m/")[:24]
        others = {text.split("/")[0] for text in copy.text.split("http://localhost:8088/m/")[1:]}
        assert {text[:22] for text in others} == {own[:22]}
        assert "[%" not in copy.text
    link = copies[0].text.partition("http://localhost:8088")[2].partition('"')[0]
    assert site.client.get(link).status_code == 200


@pytest.mark.parametrize("what", ["damaged", "cut", "ended", "foreign", "unknown mail", "unknown page", "another path"])
def test_a_link_that_does_not_work_says_so_in_words(site: Site, what: str) -> None:
    """Never a bare status: a page, for GET and POST alike, and nothing is written."""
    mail = site.mail("a")
    good = site.link(mail, "leave")
    link, status = {
        "damaged": (good.replace("/m/", "/m/x"), 404), "cut": (good[:30], 404),
        "ended": (site.link(mail, "leave", days=-1), 410),
        "foreign": (site.link(mail, "leave", secret="of another"), 404),
        "unknown mail": (site.link(MESSAGE, "stay"), 410), "unknown page": (site.link(mail, "leaf"), 404),
        "another path": ("/.env", 404),
    }[what]  # fmt: skip
    for method in ("GET", "POST"):
        if what == "another path" and method == "POST":
            continue
        answer = site.client.request(method, link, data={"what": "topic"} if method == "POST" else None)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert "Nothing was changed" in site.words(answer)
    assert site.said() == []


def test_links_of_a_former_secret_and_with_signs_around_them_work(site: Site) -> None:
    """A secret can be replaced, and a mail program may take a full stop along."""
    mail = site.mail("a")
    assert site.client.get(site.link(mail, "leave", secret="former")).status_code == 200
    assert site.client.get(site.link(mail, "leave") + ").").status_code == 200


def test_a_token_is_read_as_it_was_made() -> None:
    """On its last day it works; a day later, changed in one place, or of the one-click link, it does not."""
    day = dt.date(2027, 1, 5)
    token = make_page_token("secret", MESSAGE, day)
    assert read_page_token(("new", "secret"), token, day) == MESSAGE
    with pytest.raises(EndedLink):
        read_page_token(("secret",), token, day + dt.timedelta(days=1))
    for place in range(46):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(UnreadableLink):
            read_page_token(("secret",), changed, day)
    for other in ("", "ä" * 46, token + "A", token[:-1], "=" * 46):
        with pytest.raises(UnreadableLink):
            read_page_token(("secret",), other, day)


def test_the_role_of_the_pages_reads_nothing_else(site: Site) -> None:
    """No table of any schema, no other function that would show one, and no writing. The pages refuse others."""
    mail = site.mail("a")
    own = engine(url_of_pages(site.world.warehouse))
    with own.connect() as connection:
        query = "select masked_address, topics_left from event.page_of(cast(:mail as uuid))"
        (found,) = rows(connection, query, mail=mail)
        assert found == ("a…@example.com", [])
        with site.world.warehouse.connect() as all_of_it:
            tables = [name for (name,) in rows(all_of_it, """
                select format('%I.%I', n.nspname, c.relname) from pg_class as c
                inner join pg_namespace as n on c.relnamespace = n.oid
                where c.relkind in ('r', 'v', 'p') and n.nspname !~ '^(pg_|information_schema)'""")]  # fmt: skip
        assert len(tables) > 50
    tries = [f"table {table}" for table in tables]
    tries += [
        "select event.returned_at('ann.smith@example.com', 'all')", "select source.mailbox('x')",
        "insert into event.word select * from event.word", "create table event.mine (x int)",
        "create table public.mine (x int)", "select pg_read_file('/etc/passwd')", "set role lifecycle_segments",
    ]  # fmt: skip
    for statement in tries:
        with own.connect() as connection, pytest.raises(DBAPIError, match=r"denied|read-only"):
            connection.execute(sa.text(statement))
    own.dispose()
    Reader(url_of_pages(site.world.warehouse)).require_few_rights()
    with pytest.raises(PagesError, match="may read customers"):
        Reader(site.world.warehouse.url.render_as_string(hide_password=False)).require_few_rights()


def test_erasure_takes_answers_out_of_table_and_journal(site: Site) -> None:
    """After it the links say that the mail is gone, and no answer is left: neither in a table, nor in a raw event, nor
    in a file."""
    mail = site.mail("a")
    site.say(mail, "preferences", topic="reminders", day="3", month="7")
    site.world.installation.ingest()
    site.say(mail, "leaving", reason="never_asked")  # not ingested yet
    site.world.installation.erase("a", site.world.now)
    site.world.installation.ingest()
    assert site.client.get(site.link(mail, "preferences")).status_code == 410
    assert site.client.get(site.link(mail, "view")).status_code == 410
    journal = b"".join(file.read_bytes() for file in site.world.exports.glob("answers-*"))
    with site.world.warehouse.connect() as connection:
        assert rows(connection, "select 1 from event.survey_answer") == []
        raw = str(rows(connection, "select raw::text from event.event"))
    for text in (journal.decode(), raw):
        assert "--07-03" not in text
        assert "never_asked" not in text


def test_the_service_holds_its_doors(site: Site) -> None:
    """As a process: a body of 2 MB, a header without end and a slow one cost little and say nothing; what was answered
    is on disk after a kill; while the warehouse is down, everything can still be left, and a page says so in words."""
    mail = site.mail("a")
    with running_pages(site.world) as service:
        large = service.client.post(site.link(mail, "leave"), content=b"what=all&x=" + b"x" * 2_000_000)
        assert (large.status_code, "We could not read" in large.text) == (413, True)
        for body in (b"\xff\xfe", b"", b"what=topic&what=all", b"&".join(b"a=1" for _ in range(200))):
            assert service.client.post(site.link(mail, "leave"), content=body).status_code == 400
        assert service.client.put(site.link(mail, "leave")).status_code == 405
        base = service.client.base_url
        with socket.create_connection((base.host, base.port or 0)) as one:
            one.settimeout(10)
            with suppress(OSError):
                one.sendall(b"GET /health HTTP/1.1\r\n")
                for _ in range(40):
                    one.sendall(b"X-Flood: " + b"x" * 1000 + b"\r\n")
                assert one.recv(100) == b""
        assert site.said() == []
        assert service.client.post(site.link(mail, "leave"), data={"what": "topic"}).status_code == 200
        service.kill()
    assert [line["lm_topic"] for line in site.said()] == ["reminders"]
    with site.world.warehouse.connect() as connection:
        assert rows(connection, "select 1 from event.word") == []
    assert site.world.mailed("a") == set()
    assert SECRET not in service.log.read_text()


def test_while_the_warehouse_is_down_everything_can_be_left(site: Site) -> None:
    """The leave page offers everything alone; any other page asks to try again."""
    mail = site.mail("a")
    site.world.warehouse.dispose()
    name = site.world.warehouse.url.database
    admin = sa.create_engine(site.world.warehouse.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'alter database "{name}" allow_connections false')
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %(name)s"
        connection.exec_driver_sql(cut, {"name": name})
    asked = site.client.get(site.link(mail, "leave")).text
    assert ('value="all" checked' in asked, 'value="topic"' in asked) == (True, False)
    assert site.client.get(site.link(mail, "preferences")).status_code == 503
    assert site.client.get("/health").json()["warehouse"] == "does not answer"
    assert site.client.post(site.link(mail, "leave"), data={"what": "all"}).status_code == 200
    with admin.connect() as connection:
        connection.exec_driver_sql(f'alter database "{name}" allow_connections true')
    admin.dispose()
    assert site.mailed_next("a") == set()
