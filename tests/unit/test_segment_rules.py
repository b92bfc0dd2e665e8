"""Rules of segments: what is refused and with which line, and what they say in plain words."""

from __future__ import annotations

import re

import pytest

from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.forms import as_in_form, rules_of_form
from lifecycle_mail.segments.rules import RuleSegment, parse_rules
from lifecycle_mail.segments.sentences import sentence
from lifecycle_mail.segments.vocabulary import attributes, facts
from lifecycle_mail.settings import INCLUDE

HEAD = "segment: coffee\nwhat: Likes coffee.\nowner: marketing@example.com\n"


def _read(rules: str) -> RuleSegment:
    return parse_rules(f"{HEAD}rules:\n  all:\n{rules}")


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("- {is: contry, in: [TH]}", "did you mean 'country'?"),
        ("- {did: orderd}", "did you mean 'ordered'?"),
        ("- {is: country, not_im: [TH]}", "unknown key 'rules.all.0.not_im': did you mean 'not_in'?"),
        ("- {did: ordered, within_day: 7}", "unknown key 'rules.all.0.within_day': did you mean 'within_days'?"),
        ("- {is: country}", "says nothing of country: add one of equals"),
        ("- {is: country, in: [TH, NO]}", "YAML reads this as false: write it in quotes"),
        ("- {is: city, equals: 0012}", "YAML reads this as 10: write it in quotes"),
        ("- {did: ordered, product_id: 1_7}", "YAML reads this as 17: write it in quotes"),
        ("- {did: ordered, product_id: [7, 1.0]}", "YAML reads this as 1.0: write it in quotes"),
        ("- {is: city, equals: 2026-01-01}", "YAML reads this as a date: write it in quotes"),
        ("- {is: country, equals: [TH, TW]}", "'rules.all.0.equals': write one value here; for several write in: […]"),
        ("- {is: country, not_equals: TH}", "there is no not_equals: write not_in"),
        ("- {did: ordered, product_type: {not: tea}}", "there is no not: write not_in"),
        ("- {is: orders, more_than: 3}", "there is no more_than: write at_least"),
        ("- {is: orders, between: [true, 3]}", "true is no number"),
        ("- {did: ordered, within_days: true}", "true is no number"),
        ("- {in_segment: inactive, with: {days: true}}", "true is no number"),
        ("- {is: last_order_days_ago, at_least: 1.0e+9}", "write days from -40000 to 40000"),
        ("- {country: {equals: TH}}", "this is no rule: begin it with is: country"),
        ("- {ordered: {at_least: 2}}", "this is no rule: begin it with did: ordered"),
        ("- {did: ordered, total: {at_least: 5, currency: EUR}}", "'rules.all.0.total.currency': choose one of equals"),
        ("- {is: country, at_least: 2}", "country is no number, and has no at_least"),
        ("- {is: country, in: []}", "at least 1 item"),
        ("- {is: orders, equals: many}", "'many' is no number: write one such as 2"),
        ("- {is: orders, at_least: true}", "true is no number"),
        ("- {is: orders, between: [3, 1]}", "3 is more than 1: write the smaller one first"),
        ("- {is: orders, at_least: 1, currency: EUR}", "orders is no amount of money: take out currency"),
        ("- {is: country, equals: TH, known: false}", "what is not known cannot be compared"),
        ("- {did: ordered, topic: tea}", "ordered cannot be filtered by topic"),
        ("- {did: ordered, total: lots}", "total is a number, not 'lots'"),
        ("- {did: ordered, product_type: {at_least: 2}}", "product_type is no number, and has no at_least"),
        ("- {did: ordered, at_least: 3, at_most: 2}", "at_least 3 is more than at_most 2"),
        ("- {did: ordered, exactly: 1, at_most: 2}", "exactly says it all"),
        ("- {did: ordered, at_least: 0}", "at_least 0 is true of every customer"),
        ("- {did: ordered, at_least: 1.5}", "valid integer"),
        ("- {did: ordered, within_days: 7, between_days: [1, 2]}", "keep one"),
        ("- {did: ordered, between_days: [9, 2]}", "write the smaller one first"),
        ("- {did: ordered, within_days: -1}", "greater than or equal to 0"),
        ("- {did: ordered, within_days: 1.0e+15}", "less than or equal to 40000"),
        ("- {foo: 1}", "this is no rule: begin it with is, did, in_segment, all, any or none"),
        ("- ordered", "this is no rule"),
        ("- {any: []}", "at least 1 item"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(rule: str, problem: str) -> None:
    """Each error names file and line, what was wrong, and the nearest right word."""
    with pytest.raises(SegmentError) as error:
        _read(f"    {rule}\n")
    assert str(error.value).startswith("rules.yaml:6: ")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("- {in_segment: coffee}", "it asks itself by in_segment coffee"),
        (f"- {'{all: [' * 6}{{is: orders, equals: 1}}{']}' * 6}", "groups are more than 6 deep"),
        ("\n    ".join(["- {is: orders, equals: 1}"] * 61), "there are more than 60 rules"),
    ],
)
def test_rules_without_an_end_are_refused(rules: str, problem: str) -> None:
    """Rules are limited in number and depth, and no segment asks itself."""
    with pytest.raises(SegmentError) as error:
        _read(f"    {rules}\n")
    assert str(error.value).startswith("rules.yaml:4: 'rules': ")
    assert problem in str(error.value)


def test_every_problem_is_told_at_once_with_a_line_of_its_own() -> None:
    """A file with three wrong rules, one of them deep inside, gives three lines."""
    deep = "    - any:\n        - {did: ordered,\n           total: cheap}\n"
    rules = f"    - {{is: country, in: []}}\n{deep}    - {{is: age_of}}\n"
    with pytest.raises(SegmentError) as error:
        _read(rules)
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "rules.yaml:6",
        "rules.yaml:8",
        "rules.yaml:10",
    ]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("- {is: country, in: [TH, TW, \"NO\"]}", "Country is TH, TW or NO."),
        ("- {did: ordered, product_type: coffee, at_least: 2, within_days: 365}",
         "Bought coffee at least twice in the last 365 days."),
        ("- {did: ordered, category: Baby, between_days: [30, 180]}",
         "Bought something of Baby between 30 and 180 days ago."),
        ("- none: [{did: ordered, within_days: 60}]", "Never bought anything in the last 60 days."),
        ("- {did: ordered, exactly: 0}", "Never bought anything."),
        ("- {did: ordered, total: {at_least: 1500}, at_most: 3}",
         "Bought something for at least 1,500 at most 3 times."),
        ("- {is: country, known: true}\n    - any: [{is: orders, at_most: 1}, {in_segment: inactive, with: {days: 3}}]",
         "Country is known and (placed at most 1 order in all or is in segment inactive (days 3))."),
        ("- any: [{all: [{is: orders, equals: 2}, {is: country, known: false}]}, {did: ordered}]",
         "(placed 2 orders in all and country is not known) or bought something."),
        ("- none: [{is: country, equals: TH}, {in_segment: inactive}]",
         "Not (country is TH) and is not in segment inactive."),
    ],
)  # fmt: skip
def test_rules_say_themselves_in_plain_words(rules: str, words: str) -> None:
    """The sentence has every value of the rules, and brackets only as far as they are needed."""
    assert sentence(_read(f"    {rules}\n")) == words


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{did: ordered, product_id: 17}", '{did: ordered, product_id: "17"}'),
        ("{did: ordered, product_id: [17, 0]}", '{did: ordered, product_id: {in: ["17", "0"]}}'),
        ("{is: city, not_in: [7]}", '{is: city, not_in: ["7"]}'),
        ("{is: country, in: TH}", "{is: country, in: [TH]}"),
        ("{is: country, in: [th, Tw]}", "{is: country, in: [TH, TW]}"),
        ("{is: language, equals: TH}", "{is: language, equals: th}"),
        ("{is: total_spent, at_least: 1, currency: usd}", "{is: total_spent, at_least: 1, currency: USD}"),
        ("{did: ordered, currency: {not_in: [usd]}}", "{did: ordered, currency: {not_in: [USD]}}"),
        ("{none: {did: ordered}}", "{none: [{did: ordered}]}"),
        ('{is: orders, in: ["3", 1e3]}', "{is: orders, in: [3, 1000]}"),
        ('{did: ordered, total: "50"}', "{did: ordered, total: {equals: 50}}"),
        ('{is: city, equals: "\\ud83d\\ude00"}', "{is: city, equals: 😀}"),
    ],
)
def test_a_plain_number_is_a_text_and_codes_have_one_case(written: str, meant: str) -> None:
    """What YAML has not changed is taken as it is meant, and one thing by itself is a list of one."""
    assert _read(f"    - {written}\n") == _read(f"    - {meant}\n")


def test_one_rule_needs_no_group_and_a_list_does() -> None:
    """`rules` may be one rule. Of a list it does not say whether all or any of it are meant."""
    assert parse_rules(f"{HEAD}occurrence:\nrules: {{did: ordered}}\n") == _read("    - {did: ordered}\n")
    with pytest.raises(SegmentError, match="this is a list: write all, any or none, and the list below it"):
        parse_rules(f"{HEAD}rules:\n  - {{did: ordered}}\n")


def test_groups_together_all_hold() -> None:
    """`rules` may have all, any and none together."""
    read = parse_rules(f"{HEAD}rules:\n  any: [{{is: orders, equals: 1}}]\n  none: [{{did: ordered}}]\n")
    assert sentence(read) == "Placed 1 order in all and never bought anything."


def test_the_documentation_of_the_form_lists_every_word() -> None:
    """A marketer reads the words where the form is: in the documentation of the DAG, in their order."""
    text = (INCLUDE.parent / "dags/request_segment.py").read_text(encoding="utf-8")
    for ask, words in (("`is` asks", attributes()), ("`did` asks", facts())):
        listed = text.partition(f"\n{ask}")[2].partition(":\n")[2].partition(".\n")[0]
        assert re.findall(r"`(\w+)`", listed) == sorted(words), ask


def test_the_example_of_the_page_is_right() -> None:
    """The rules that docs/segments.md shows can be read, and say what the page says."""
    page = (INCLUDE.parent / "docs/segments.md").read_text(encoding="utf-8")
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    assert sentence(parse_rules(shown)) == (
        "Country is TH or TW and bought coffee at least twice in the last 365 days and opened a mail in the last 90 "
        "days and (spent at least 100 USD in all or is in segment vip) and never bought anything in the last 60 days."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"all": "did: ordered\n\n- is: contry, in: [TH]"},
            "all, line 3: 'is' is 'contry': did you mean 'country'?",
        ),
        ({"none": "did: ordered, within_day: 7"}, "none, line 1: unknown key 'within_day': did you mean 'within_days'"),
        ({"any": "country: TH"}, "any, line 1: the rule"),
        ({"all": "is country"}, "all, line 1: this is no rule"),
        ({"all": "is: country, in: [TH"}, "all, line 1: "),
        ({}, "there is no rule: write all, any or none"),
    ],
)
def test_a_wrong_form_is_told_in_its_own_places(fields: dict[str, str], said: str) -> None:
    """A marketer knows fields and lines of the form, and has never seen the file that is made of it."""
    form = {"segment": "coffee", "what": "Likes coffee.", "owner": "crm", "all": None, "any": None, **fields}
    with pytest.raises(SegmentError) as refused:
        parse_rules(rules_of_form(form))
    text = str(as_in_form(refused.value, form))
    assert said in text
    assert "rules.yaml" not in text
    assert "rules." not in text
