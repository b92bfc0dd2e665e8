"""Where mode simulate may post to: this machine, or a host that a setting lists, and never on to another one."""

from __future__ import annotations

import httpx
import pytest

from lifecycle_mail.delivery.modes import _require_simulator
from lifecycle_mail.errors import DeliveryRefused
from lifecycle_mail.sendgrid.client import client_of
from lifecycle_mail.settings import Settings

AT = "@"  # written apart, because no real address may stand in the repository


def settings(address: str, *hosts: str) -> Settings:
    return Settings("postgresql://", mode="simulate", sendgrid_base_url=address, simulator_hosts=hosts)


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("http://127.0.0.1:8085", ()), ("http://localhost:8085", ()), ("http://LOCALHOST", ()),
        ("http://[::1]:8085", ()), ("http://127.8.9.1", ()), ("http://simulator:8085", ("simulator",)),
        ("https://Sim.example.com", ("sim.example.com",)),
    ],
)  # fmt: skip
def test_this_machine_and_listed_hosts_are_posted_to(address: str, hosts: tuple[str, ...]) -> None:
    """A service of docker-compose works by its name, once the name is listed."""
    _require_simulator(settings(address, *hosts))


@pytest.mark.parametrize(
    "address",
    [
        "https://api.sendgrid.com", "https://API.SendGrid.com", "https://api.sendgrid.com.", "https://api.sendgrid.com%2e",
        "https://api.sendgrid%2ecom", "https://api.sendgrid\uff0ecom", "https://api\u3002sendgrid.com",
        "https://\uff41pi.sendgrid.com", "https://api.eu.sendgrid.com:443", "https://sendgrid.com", "https://sendgrid.com.",
        f"http://127.0.0.1{AT}api.sendgrid.com", f"http://127.0.0.1\\{AT}api.sendgrid.com", "http://api.sendgrid.com#@127.0.0.1",
        "http://api.sendgrid.com?@127.0.0.1", "http://127.0.0.1.example.com", "http://localhost.example.com",
        "http://198.51.100.7", "http://example.com", "http://simulator:8085", "//127.0.0.1", "127.0.0.1:8085",
        "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999",
    ],
)  # fmt: skip
def test_any_other_address_is_refused_however_it_is_spelled(address: str) -> None:
    """Real people would get a simulated mail. It is refused even if SendGrid itself is listed as a simulator."""
    for hosts in ((), ("api.sendgrid.com", "sendgrid.com", "sim")):
        with pytest.raises(DeliveryRefused, match="SENDGRID_BASE_URL") as caught:
            _require_simulator(settings(address, *hosts))
        assert "\n" not in str(caught.value)


def test_a_redirect_is_not_followed() -> None:
    """A simulator that points elsewhere gets no second request, and neither does the place it names."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "https://api.sendgrid.com/v3/mail/send"})

    transport = httpx.MockTransport(answer)
    with client_of(settings("http://127.0.0.1:8085"), timeout_seconds=1, connections=1, transport=transport) as client:
        assert client.post("/v3/mail/send", json={}).status_code == 307
    assert asked == ["http://127.0.0.1:8085/v3/mail/send"]
