"""The mail as its recipient sees it: substitutions, merged arguments, links."""

from typing import Any

from sendgrid_simulator.mail import links_of, receive, recipients_of, subject_of


def mail(**person: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "Ada@example.com"}], **person}],
        "from": {"email": "shop@example.com", "name": "Shop"},
        "subject": "For -name-",
        "headers": {"X-Shared": "1"},
        "custom_args": {"lm_campaign": "c", "lm_step": "one"},
        "content": [
            {"type": "text/plain", "value": "Hi -name-: https://x.example.com/-id-"},
            {
                "type": "text/html",
                "value": '<p>-items-</p><a class="b" href="https://x.example.com/-id-?a=1&amp;b=2">x</a>',
            },
        ],
    }


def test_substitutions_reach_subject_html_and_text() -> None:
    """Each token is replaced literally in all three."""
    got = receive(mail(substitutions={"-name-": "Ada", "-items-": "<b>1</b>", "-id-": "77"}), 0)
    assert got.subject == "For Ada"
    assert got.html == '<p><b>1</b></p><a class="b" href="https://x.example.com/77?a=1&amp;b=2">x</a>'
    assert got.text == "Hi Ada: https://x.example.com/77"


def test_a_value_is_never_read_again_as_a_token() -> None:
    """A customer called -id- does not receive another value in the place of the name."""
    assert receive(mail(substitutions={"-name-": "-id-", "-id-": "secret"}), 0).subject == "For -id-"


def test_the_longer_token_wins() -> None:
    """If one token is the beginning of another, the longer one is replaced."""
    body = {**mail(substitutions={"-a": "short", "-ab": "long"}), "subject": "-ab -a"}
    assert subject_of(body, 0) == "long short"


def test_the_personal_subject_and_arguments_win() -> None:
    """A personalization's own subject, headers and arguments go before the message's."""
    got = receive(mail(subject="Mine", custom_args={"lm_step": "two"}, headers={"X-Own": "2"}), 0)
    assert got.subject == "Mine"
    assert got.custom_args == {"lm_campaign": "c", "lm_step": "two"}
    assert got.headers == {"X-Shared": "1", "X-Own": "2"}


def test_links_are_those_a_reader_clicks() -> None:
    """Links come unescaped and with their position. SendGrid makes no event of a click on a link that says
    clicktracking=off, however the tag is written; where a link leads does not matter."""
    untracked = (
        '<a clicktracking="off" href="https://x.example.com/unsubscribe/1">bye</a>'
        "<a href='https://x.example.com/preferences' style='color:red' clicktracking=off>choose</a>"
    )
    body = mail(substitutions={"-id-": "77", "-items-": untracked})
    assert links_of(receive(body, 0)) == [(2, "html", "https://x.example.com/77?a=1&b=2")]


def test_a_tracked_unsubscribe_link_is_clicked_like_any() -> None:
    """Without the attribute SendGrid counts a click on an unsubscribe link too."""
    body = mail(substitutions={"-id-": "77", "-items-": '<a href="https://x.example.com/unsubscribe/1">bye</a>'})
    assert (0, "html", "https://x.example.com/unsubscribe/1") in links_of(receive(body, 0))


def test_links_of_a_text_mail() -> None:
    """A mail without html has the links of its text."""
    body = mail(substitutions={"-id-": "77"})
    body["content"].pop()
    assert links_of(receive(body, 0)) == [(0, "text", "https://x.example.com/77")]


def test_asm_tags_become_links() -> None:
    """SendGrid's unsubscribe tags are replaced."""
    body = mail()
    body["content"][1]["value"] = '<a href="<%asm_group_unsubscribe_raw_url%>">x</a>'
    assert "<%" not in receive(body, 0).html


def test_behaviour_key_is_the_message_id_or_the_address() -> None:
    """The key is lm_message_id; without one the lower-cased address; copies of one message differ."""
    assert [one.key for one in recipients_of(mail())] == ["ada@example.com"]
    body = mail(custom_args={"lm_message_id": "m1"}, cc=[{"email": "b@example.com"}])
    assert [(one.role, one.key) for one in recipients_of(body)] == [("to", "m1"), ("cc", "m1/1")]
