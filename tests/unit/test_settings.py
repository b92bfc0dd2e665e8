"""Settings of the environment: a value that says nothing never widens what may happen."""

from __future__ import annotations

from typing import Any

import pytest

from event_collector.settings import DEVELOPMENT_SECRET as COLLECTOR_SECRET
from lifecycle_mail.errors import SettingsError
from lifecycle_mail.sendgrid.client import client_of
from lifecycle_mail.settings import DEVELOPMENT_SECRET, Settings

DATABASE = {"LIFECYCLE_DATABASE_URL": "postgresql://"}


def read(**environment: str) -> Settings:
    return Settings.from_environment({**DATABASE, **environment})


@pytest.mark.parametrize("written", [",", " ", " , ,", ",,", "\t"])
@pytest.mark.parametrize(
    ("name", "else_it_means"),
    [("LIFECYCLE_ALLOWED_RECIPIENTS", "everyone"), ("LIFECYCLE_SIMULATOR_HOSTS", "this machine alone")],
)
def test_a_list_that_is_set_without_an_entry_is_refused(name: str, else_it_means: str, written: str) -> None:
    """A comma alone is a slip. Read as no list, it would let mails go to everyone."""
    told = f"{name} is set and has no entry: give .* leave it empty for {else_it_means}"
    with pytest.raises(SettingsError, match=told):
        read(**{name: written})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ()),
        ("ann@example.com", ("ann@example.com",)),
        (" Ann@Example.com , @Example.org, ", ("ann@example.com", "@example.org")),
        ("@bücher.example,zoë@bücher.example", ("@xn--bcher-kva.example", "zoë@xn--bcher-kva.example")),
    ],
)
def test_allowed_recipients_are_addresses_and_domains(written: str, expected: tuple[str, ...]) -> None:
    """They are compared as mailboxes are: without case, and a domain in a script of its own as its punycode."""
    assert read(LIFECYCLE_ALLOWED_RECIPIENTS=written).allowed_recipients == expected


@pytest.mark.parametrize(
    "entry",
    ["example.com", "@", "ann@", "a@b@example.com", "ann example.com", '"ann@example.com', "*", "*@example.com",
     "@*.example.com", "@.", "@example.com.", "@.example.com", "@example..com", "ann@example.com>"],
)  # fmt: skip
def test_an_entry_that_would_match_nothing_is_refused(entry: str) -> None:
    """It would silently leave a person out. The line gives its place and not the entry, which may be an address."""
    with pytest.raises(SettingsError, match="entry 2 is neither an address nor an @domain") as caught:
        read(LIFECYCLE_ALLOWED_RECIPIENTS=f"bob@example.com,{entry}")
    assert "bob" not in str(caught.value)


@pytest.mark.parametrize("entry", ["http://simulator", "simulator:8085", "a b", "api.sendgrid.com.", "sim%2e"])
def test_a_host_is_a_name_alone(entry: str) -> None:
    """Scheme, port, a dot at the end or an encoded one are no part of it."""
    with pytest.raises(SettingsError, match="is no host: write its name alone"):
        read(LIFECYCLE_SIMULATOR_HOSTS=entry)
    assert read(LIFECYCLE_SIMULATOR_HOSTS=" Simulator, sim.example.com").simulator_hosts == (
        "simulator", "sim.example.com",
    )  # fmt: skip


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize(
    "name",
    ["LIFECYCLE_LINK_SECRET", "SENDGRID_API_KEY", "LIFECYCLE_MODE", "LIFECYCLE_DATABASE_URL", "LIFECYCLE_EVENTS_DIR",
     "LIFECYCLE_ALLOWED_RECIPIENTS", "LIFECYCLE_EVENT_RETENTION_MONTHS", "LIFECYCLE_DEFAULT_ZONE"],
)  # fmt: skip
def test_a_value_in_quotes_is_refused_without_being_shown(name: str, quote: str) -> None:
    """Some programs that start others keep the quotes of an environment file: they would be part of the value."""
    with pytest.raises(SettingsError, match=f"{name} stands in quotes") as caught:
        read(**{name: f"{quote}hush{quote}"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field", "default"),
    [
        ("LIFECYCLE_MODE", "mode", "preview"),
        ("LIFECYCLE_LINK_SECRET", "link_secret", DEVELOPMENT_SECRET),
        ("LIFECYCLE_FEEDS_MAY_RESUBSCRIBE", "feeds_may_resubscribe", False),
        ("LIFECYCLE_SOFT_BOUNCE_LIMIT", "soft_bounce_limit", 5),
        ("LIFECYCLE_CLAIM_LEASE_SECONDS", "claim_lease_seconds", 300.0),
        ("LIFECYCLE_DEFAULT_ZONE", "default_zone", None),
    ],
)
def test_blanks_are_no_value(name: str, field: str, default: Any) -> None:
    """A setting of blanks has its default, which permits no more than any value would."""
    assert getattr(read(**{name: "  "}), field) == default


@pytest.mark.parametrize("written", ["29", "3651", "-40", "4e2", "a year"])
def test_links_work_for_a_month_at_least(written: str) -> None:
    """A way to leave that ended after a week would keep people in."""
    with pytest.raises(SettingsError, match=f"LIFECYCLE_LINK_DAYS is '{written}': give a whole number of days from 30"):
        read(LIFECYCLE_LINK_DAYS=written)
    assert [read(LIFECYCLE_LINK_DAYS=days).link_days for days in (" 30 ", "")] == [30, 400]


def test_library_and_collector_have_one_secret_of_development() -> None:
    """The collector imports nothing of the library, so this holds the two equal."""
    assert COLLECTOR_SECRET == DEVELOPMENT_SECRET


@pytest.mark.parametrize("name", ["LIFECYCLE_PUBLIC_URL", "LIFECYCLE_PAGES_URL", "SENDGRID_BASE_URL"])
@pytest.mark.parametrize(
    "written",
    ["mail.example.com", "//mail.example.com", "ftp://mail.example.com", "https://", "https:///x",
     "https://mail.example.com/?a=b", "https://mail.example.com#top", "https://ann:pw@mail.example.com",
     "https://mail .example.com", "https://mail.example.com/a\nb", "https://mail.example.com:port",
     "https:\\\\mail.example.com", "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_is_one_to_which_a_path_can_be_joined(name: str, written: str) -> None:
    """Links to unsubscribe and requests are joined to it. With ? or # in it, each link would lead elsewhere."""
    with pytest.raises(SettingsError, match=f"{name} is no address") as caught:
        read(**{name: written})
    assert "ann" not in str(caught.value)


def test_slashes_at_the_end_of_an_address_are_no_part_of_it() -> None:
    """A path may be: a collector can lie below one. That of SendGrid's API is joined to it, so each request would fail.
    """
    assert read(LIFECYCLE_PUBLIC_URL="https://example.com/mail///").public_url == "https://example.com/mail"
    assert read(SENDGRID_BASE_URL=" https://api.sendgrid.com/ ").sendgrid_base_url == "https://api.sendgrid.com"
    for path in ("/v3", "/v3/", "/V3/mail/send"):
        settings = read(SENDGRID_BASE_URL=f"https://api.sendgrid.com{path}")
        with pytest.raises(SettingsError, match="ends with a path of SendGrid's API"):
            client_of(settings, timeout_seconds=1, connections=1)


@pytest.mark.parametrize("key", ["Bearer SG.hush", "SG.hush\nhush", "SG.hush\u00a0hush", "SG.hüsh"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    """It would be a 401 at each delivery, or no request at all."""
    with pytest.raises(SettingsError, match="SENDGRID_API_KEY has a blank") as caught:
        read(SENDGRID_API_KEY=key)
    assert "SG." not in str(caught.value)
    assert read(SENDGRID_API_KEY=" SG.hush\n").sendgrid_api_key == "SG.hush"


@pytest.mark.parametrize("name", ["LIFECYCLE_EVENT_RETENTION_MONTHS", "LIFECYCLE_SILENT_HOURS"])
def test_a_number_of_any_length_is_refused_in_words(name: str) -> None:
    """Python makes no number of thousands of digits."""
    with pytest.raises(SettingsError, match="give a whole number"):
        read(**{name: "9" * 5_000})
