"""Rules: a segment in plain fields, as a marketer's form writes it and engineers keep it as YAML.

A rule asks an attribute (`is`), a fact (`did`) or another segment (`in_segment`). Groups (`all`, `any`, `none`) nest.
The words come from `vocabulary`. A rule is data: what it says becomes bound values of a select, never text of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from lifecycle_mail.campaigns import Document, parse_document, read_document
from lifecycle_mail.campaigns.building import build, did_you_mean
from lifecycle_mail.campaigns.patterns import CURRENCY, Name
from lifecycle_mail.errors import CampaignError, SegmentError
from lifecycle_mail.segments.vocabulary import (
    ATTRIBUTES,
    FACTS,
    NUMBER_FILTERS,
    TEXT_FILTERS,
    Attribute,
    Fact,
    attributes,
    facts,
)
from lifecycle_mail.words import WordOf

MOST_CONDITIONS = 60
DEEPEST_GROUP = 6
LONGEST_DAYS = 40_000  # more than a lifetime, and still a valid time in the database
LONGEST_TEXT = 200
MOST_VALUES = 1_000
Occurrence = Literal["entry", "once", "month"]
Days = Annotated[float, BeforeValidator(lambda value: _number(value)), Field(ge=0, le=LONGEST_DAYS)]
Count = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
COMPARISONS = ("equals", "in", "not_in", "at_least", "at_most", "between")
# What people write for an operator, and which one says it. The letters alone would suggest the opposite.
MEANT = {
    "not_equals": "not_in", "not_equal": "not_in", "is_not": "not_in", "not": "not_in", "value": "equals",
    "more_than": "at_least", "greater_than": "at_least", "min": "at_least",
    "less_than": "at_most", "fewer_than": "at_most", "max": "at_most", "exists": "known",
}  # fmt: skip


def _scalar(value: Any) -> Any:
    """Refuse in one line what is no single value."""
    if isinstance(value, list | dict):
        raise ValueError("write one value here; for several write in: […]")
    if value is not None and not isinstance(value, str | bool | int | float):
        raise ValueError("YAML reads this as a date: write it in quotes")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{str(value).lower()} is no number: write one such as 2")
    return value


def _several(value: Any) -> Any:
    """Return a list: one thing by itself is a list of one."""
    return [value] if isinstance(value, str | bool | int | float | dict) else value


Number = Annotated[float, BeforeValidator(_number)]
Scalar = Annotated[str | bool | int | float, BeforeValidator(_scalar)]
Values = Annotated[list[Scalar], BeforeValidator(_several), Field(min_length=1, max_length=MOST_VALUES)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Comparison(_Strict):
    """What a value has to be; all that is given must hold."""

    equals: Scalar | None = None
    in_: Values | None = Field(None, alias="in")
    not_in: Values | None = None
    at_least: Number | None = Field(None, description="this value or more")
    at_most: Number | None = Field(None, description="this value or less")
    between: Pair | None = Field(None, description="from the first to the second, both included")

    def asked(self) -> dict[str, Any]:
        """Return the operators that are given, with their values."""
        return {name: getattr(self, "in_" if name == "in" else name) for name in COMPARISONS if self._has(name)}

    def _has(self, name: str) -> bool:
        return getattr(self, "in_" if name == "in" else name) is not None

    @model_validator(mode="before")
    @classmethod
    def _says_an_operator(cls, value: Any) -> Any:
        for word in value if isinstance(value, dict) else ():
            if word in MEANT:
                raise ValueError(f"there is no {word}: write {MEANT[word]}")
        return value

    @field_validator("between")
    @classmethod
    def _in_order(cls, pair: list[float] | None) -> list[float] | None:
        return _ordered(pair)


def _compared(value: Any) -> Any:
    """Return what a filter may be short for: a plain value means that value, a list means any of them."""
    if isinstance(value, list):
        return {"in": value}
    return value if isinstance(value, dict | BaseModel) else {"equals": value}


def _texts(value: Any, case: str) -> Any:
    """Return a comparison whose values are texts: a number that is written plainly is one, and codes have one case."""
    if not isinstance(value, dict):
        return value
    return {word: _text(given, case) if word in ("equals", "in", "not_in") else given for word, given in value.items()}


def _text(value: Any, case: str) -> Any:
    if isinstance(value, list):
        return [_text(one, case) for one in value]
    if type(value) is int:  # and no OddNumber: YAML has changed nothing of it
        return str(value)
    return getattr(value, case)() if case and isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    """Return a comparison whose values are numbers: YAML takes 1e3 for a text, and some write 3 in quotes."""
    if not isinstance(value, dict):
        return value
    return {word: _read_number(given) if word in ("equals", "in", "not_in") else given for word, given in value.items()}


def _read_number(value: Any) -> Any:
    if isinstance(value, list):
        return [_read_number(one) for one in value]
    try:
        number = float(value) if isinstance(value, str) and len(value) <= LONGEST_TEXT else math.nan
    except ValueError:
        return value
    return number if math.isfinite(number) else value


Filter = Annotated[Comparison, BeforeValidator(_compared, json_schema_input_type=Scalar | Values | Comparison)]
TextFilter = Annotated[Filter, BeforeValidator(lambda value: _texts(_compared(value), ""))]
NumberFilter = Annotated[Filter, BeforeValidator(lambda value: _numbers(_compared(value)))]
CurrencyFilter = Annotated[Filter, BeforeValidator(lambda value: _texts(_compared(value), "upper"))]


class Is(Comparison):
    """An attribute of the customer compares so."""

    attribute: Annotated[str, WordOf(ATTRIBUTES)] = Field(alias="is")
    known: Annotated[bool, Field(strict=True)] | None = Field(None, description="whether the value is known at all")
    currency: Annotated[str, BeforeValidator(lambda value: _text(value, "upper")), Field(pattern=CURRENCY)] | None = (
        Field(None, description="for amounts: in which currency")
    )

    @model_validator(mode="before")
    @classmethod
    def _reads_texts(cls, value: Any) -> Any:
        name = value.get("is") if isinstance(value, dict) else None
        asked = attributes().get(name) if isinstance(name, str) else None
        if asked and asked.type != "boolean":
            return _texts(value, asked.case) if asked.type == "text" else _numbers(value)
        return value

    @property
    def asks(self) -> Attribute:
        """The attribute."""
        return attributes()[self.attribute]

    def asked(self) -> dict[str, Any]:
        """Return the operators with their values; an attribute that is true or false may stand alone."""
        given = super().asked()
        return given or ({"equals": True} if self.known is None else {})

    @model_validator(mode="after")
    def _fits(self) -> Is:
        given = super().asked()
        if not given and self.known is None and self.asks.type != "boolean":
            raise ValueError(f"says nothing of {self.attribute}: add one of {', '.join((*COMPARISONS, 'known'))}")
        if given and self.known is False:
            raise ValueError("what is not known cannot be compared: take out known, or the comparison")
        if self.currency and not self.asks.has_currency:
            raise ValueError(f"{self.attribute} is no amount of money: take out currency")
        for operator, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                _require_value(self.asks, operator, one)
        return self


class Did(_Strict):
    """The customer did something, so often, at such times."""

    fact: Annotated[str, WordOf(FACTS)] = Field(alias="did")
    product_id: TextFilter | None = None
    product_type: TextFilter | None = None
    category: TextFilter | None = None
    topic: TextFilter | None = None
    currency: CurrencyFilter | None = None
    total: NumberFilter | None = None
    rating: NumberFilter | None = None
    at_least: Count | None = Field(None, description="times; 1 if no number of times is given")
    at_most: Count | None = Field(None, description="times; alone it includes never")
    exactly: Count | None = Field(None, description="times")
    within_days: Days | None = Field(None, description="in the last so many days of 24 hours")
    between_days: Pair | None = Field(None, description="from so many to so many days of 24 hours ago")

    @property
    def asks(self) -> Fact:
        """The fact."""
        return facts()[self.fact]

    def filters(self) -> dict[str, dict[str, Any]]:
        """Return the filters that are given: name → operators with their values."""
        given = {name: getattr(self, name) for name in (*TEXT_FILTERS, *NUMBER_FILTERS)}
        return {name: value.asked() for name, value in given.items() if value is not None}

    def times(self) -> tuple[int, int | None]:
        """Return how often at least and at most; None = no limit."""
        if self.exactly is not None:
            return self.exactly, self.exactly
        return (self.at_least or 0 if self.at_most is not None else self._least()), self.at_most

    def _least(self) -> int:
        return 1 if self.at_least is None else self.at_least

    @field_validator("between_days")
    @classmethod
    def _in_order(cls, pair: list[float] | None) -> list[float] | None:
        if pair and not 0 <= min(pair) <= max(pair) <= LONGEST_DAYS:
            raise ValueError(f"write days from 0 to {LONGEST_DAYS}")
        return _ordered(pair)

    @model_validator(mode="after")
    def _fits(self) -> Did:
        for name, operators in self.filters().items():
            if name not in self.asks.filters:
                raise ValueError(f"{self.fact} cannot be filtered by {name}{did_you_mean(name, self.asks.filters)}")
            for operator, value in operators.items():
                for one in value if isinstance(value, list) else [value]:
                    _require_filter(name, operator, one)
        if self.within_days is not None and self.between_days is not None:
            raise ValueError("within_days and between_days say two things: keep one")
        least, most = self.times()
        if self.exactly is not None and (self.at_least, self.at_most) != (None, None):
            raise ValueError("exactly says it all: take out at_least and at_most")
        if most is not None and least > most:
            raise ValueError(f"at_least {least} is more than at_most {most}: no customer fits")
        if (least, most) == (0, None):
            raise ValueError("at_least 0 is true of every customer: take the rule out, or write at_most")
        return self


class InSegment(_Strict):
    """The customer is in another segment at the same moment."""

    segment: Name = Field(alias="in_segment")
    parameters: dict[str, Number] = Field(
        default_factory=dict, alias="with", description="parameters of that segment that differ from its defaults"
    )


class Group(_Strict):
    """Rules together: every one of `all`, at least one of `any`, and not one of `none`."""

    all_: Rules | None = Field(None, alias="all", min_length=1)
    any_: Rules | None = Field(None, alias="any", min_length=1)
    none_: Rules | None = Field(None, alias="none", min_length=1)

    def parts(self) -> dict[str, list[Condition]]:
        """Return the rules by `all`, `any` and `none`, as far as they are given."""
        given = {"all": self.all_, "any": self.any_, "none": self.none_}
        return {word: rules for word, rules in given.items() if rules}

    @model_validator(mode="after")
    def _has_rules(self) -> Group:
        if not self.parts():
            raise ValueError("there is no rule: write all, any or none, and rules below it")
        return self


def _kind(value: Any) -> str | None:
    """Return which of the four a rule is; None = none of them."""
    if isinstance(value, BaseModel):
        return f"[{type(value).__name__}]"
    keys = set(value) if isinstance(value, dict) else set()
    for key, kind in (("is", "[Is]"), ("did", "[Did]"), ("in_segment", "[InSegment]")):
        if key in keys:
            return kind
    return "[Group]" if keys & {"all", "any", "none"} else None


def _begun(value: Any) -> Any:
    """Refuse what begins with the name of an attribute or a fact, with what to write."""
    if isinstance(value, dict) and _kind(value) is None:
        for word, names in (("is", attributes()), ("did", facts())):
            name = next((key for key in value if key in names), None)
            if name:
                raise ValueError(f"this is no rule: begin it with {word}: {name}")
    return value


def _in_a_group(value: Any) -> Any:
    """Return rules as a group: one rule by itself is a group of one."""
    if isinstance(value, list):
        raise ValueError("this is a list: write all, any or none, and the list below it")
    return {"all": [value]} if _kind(value) in ("[Is]", "[Did]", "[InSegment]") else value


Condition = Annotated[
    Union[  # noqa: UP007 - the operator | does not take a name that is defined below
        Annotated[Is, Tag("[Is]")],
        Annotated[Did, Tag("[Did]")],
        Annotated[InSegment, Tag("[InSegment]")],
        Annotated["Group", Tag("[Group]")],
    ],
    Discriminator(
        _kind,
        custom_error_type="no_rule",
        custom_error_message="this is no rule: begin it with is, did, in_segment, all, any or none",
    ),
]
Rules = Annotated[list[Annotated[Condition, BeforeValidator(_begun)]], BeforeValidator(_several)]
Leaf = Is | Did | InSegment
Group.model_rebuild()


class RuleSegment(_Strict):
    """A segment in plain fields."""

    segment: Name
    what: str = Field(min_length=1, max_length=500, description="one sentence: who is in it, and what for")
    owner: str = Field(min_length=3, max_length=254, description="who answers for it")
    occurrence: Occurrence = Field("entry", description="a new occurrence with each entry, only once, or every month")
    rules: Annotated[Group, BeforeValidator(_in_a_group)]

    @field_validator("occurrence", mode="before")
    @classmethod
    def _may_be_empty(cls, value: Any) -> Any:
        return "entry" if value is None else value

    @model_validator(mode="after")
    def _is_not_endless(self) -> RuleSegment:
        if len(list(leaves(self.rules))) > MOST_CONDITIONS:
            raise _of_rules(f"there are more than {MOST_CONDITIONS} rules: take some out, or use in_segment")
        if _depth(self.rules) > DEEPEST_GROUP:
            raise _of_rules(f"groups are more than {DEEPEST_GROUP} deep: use in_segment")
        if self.segment in {one.segment for one in leaves(self.rules) if isinstance(one, InSegment)}:
            raise _of_rules(f"it asks itself by in_segment {self.segment}: take that rule out")
        return self


def _of_rules(problem: str) -> PydanticCustomError:
    return PydanticCustomError("rules", "{problem}", {"problem": problem, "place": ("rules",)})


def leaves(rule: Leaf | Group) -> Iterator[Leaf]:
    """Yield the rules inside `rule` that are no groups, in the order they are written in."""
    if not isinstance(rule, Group):
        yield rule
        return
    for part in rule.parts().values():
        for one in part:
            yield from leaves(one)


def facts_asked(rules: RuleSegment) -> set[str]:
    """Return the facts that rules ask, such as viewed."""
    return {one.fact for one in leaves(rules.rules) if isinstance(one, Did)}


def read_rules(path: Path) -> RuleSegment:
    """Read a rules file.

    Raises:
        SegmentError: one line per error, each with file, line and what to write instead.
    """
    return _built(path, lambda: read_document(path))


def parse_rules(text: str, name: str = "rules.yaml") -> RuleSegment:
    """Return the rules in the YAML `text`; `name` stands for the file in errors.

    Raises:
        SegmentError: as `read_rules`.
    """
    return _built(Path(name), lambda: parse_document(Path(name), text))


_PLACE = r"condition:\d+: |'rules(\.all\.0)?': |rules\.all\.0\."  # where it stands in the segment that is made of it


def condition_rules(rule: Mapping[str, Any]) -> RuleSegment:
    """Return the rule of a step's condition as a segment of that rule alone.

    Raises:
        SegmentError: it is no rule; the message says what to write.
    """
    values = {"segment": "condition", "what": "A condition of a step.", "owner": "campaign", "rules": dict(rule)}
    text = orjson.dumps(values, default=str).decode()  # JSON is YAML
    try:
        return parse_rules(text, "condition")
    except SegmentError as error:
        raise SegmentError(re.sub(_PLACE, "", str(error))) from None


def rules_schema() -> dict[str, Any]:
    """Return the JSON Schema of a rules file, for editors and forms."""
    return RuleSegment.model_json_schema(by_alias=True)


def _built(path: Path, read: Any) -> RuleSegment:
    try:
        document: Document = read()
        return build(RuleSegment, document, path)
    except CampaignError as error:
        raise SegmentError(str(error)) from None


def _depth(rule: Leaf | Group) -> int:
    if not isinstance(rule, Group):
        return 0
    return 1 + max(_depth(one) for part in rule.parts().values() for one in part)


def _ordered(pair: list[float] | None) -> list[float] | None:
    if pair and pair[0] > pair[1]:
        raise ValueError(f"{pair[0]:g} is more than {pair[1]:g}: write the smaller one first")
    return pair


def _require_value(attribute: Attribute, operator: str, value: Any) -> None:
    """Refuse a comparison that makes no sense for the attribute."""
    if attribute.type == "instant" and not isinstance(value, str) and abs(value) > LONGEST_DAYS:
        raise ValueError(f"{attribute.name}: write days from -{LONGEST_DAYS} to {LONGEST_DAYS}")
    if operator in ("at_least", "at_most", "between"):
        if attribute.type not in ("number", "instant"):
            raise ValueError(f"{attribute.name} is no number, and has no {operator}: write equals, in or not_in")
        _number(value)
    elif attribute.type in ("number", "instant"):
        if isinstance(value, str | bool):
            raise ValueError(f"{str(value)!r} is no number: write one such as 2")
    elif attribute.type == "boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{attribute.name} is true or false, not {value!r}")
    else:
        _require_text(attribute.name, value)
        if attribute.values and value not in attribute.values:
            raise ValueError(f"{attribute.name} is never {value!r}{did_you_mean(str(value), attribute.values)}")


def _require_filter(name: str, operator: str, value: Any) -> None:
    if name in NUMBER_FILTERS:
        if isinstance(value, str):
            raise ValueError(f"{name} is a number, not {value!r}")
        _number(value)
    elif operator in ("at_least", "at_most", "between"):
        raise ValueError(f"{name} is no number, and has no {operator}: write equals, in or not_in")
    else:
        _require_text(name, value)


def _require_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        # YAML has read it as something else: NO is false to it, and 0012 is ten.
        raise ValueError(f"{name} is a text, and YAML reads this as {str(value).lower()}: write it in quotes")
    if (not value or len(value) > LONGEST_TEXT or "\x00" in value):
        raise ValueError(f"{name}: write a text of 1 to {LONGEST_TEXT} characters")


def without_past(rules: RuleSegment) -> list[str]:
    """Return the words of the rules that know only the latest state, without repeats."""
    asked = [one for one in leaves(rules.rules) if not isinstance(one, InSegment)]
    found = [one.attribute if isinstance(one, Is) else one.fact for one in asked if not one.asks.has_past]
    return list(dict.fromkeys(found))
