"""What a campaign and a topic are: pydantic models of the YAML files. The names of fields have their units."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lifecycle_mail.campaigns import crossing
from lifecycle_mail.campaigns.conditions import Conditions
from lifecycle_mail.campaigns.moments import AfterStep, AtMoment, Dates, Hours, LocalTime, Resend, Sunset, several
from lifecycle_mail.campaigns.patterns import CURRENCY, SHARED_CODE, TEMPLATE, IpPool, Name, SenderName, SendingAddress
from lifecycle_mail.campaigns.resending import written_out
from lifecycle_mail.campaigns.schedules import is_schedule
from lifecycle_mail.words import EXITS, GOALS, RECOMMENDATIONS, WordOf, words_of

Ratio = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False)]

# More than a lifetime, for "never". A date that far from today is still valid in the database.
LONGEST_HOURS = 1_000_000
SETTLE_AFTER_HOURS = 48.0  # how long doubt waits for events
EVENT_RETRY_HOURS = 24.0  # SendGrid posts an event again for so long, in any order; it may come as much later
RESEND_AFTER_HOURS_MIN = EVENT_RETRY_HOURS + 1  # and one hour to ingest it
RESEND_ROOM_HOURS = 24.0  # what a mail that goes again needs until it is stale: its hours of the next day
LONGEST_DAYS = 40_000
JOIN_AHEAD_DAYS = 3

WITHOUT_OFFER = "without_offer"
GoalEvent = Annotated[str, WordOf(GOALS)]
ExitWord = Annotated[str, WordOf(EXITS)]
Permission = Literal["pending", "confirmed"]
Touch = Literal["send", "open", "click"]
CREDIT_MODELS: dict[Touch, str] = {"send": "sent", "open": "opened", "click": "clicked"}
NewerOccurrence = Literal["supersede", "join", "wait"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:  # noqa: ARG003
        """Yield what plain values of this model, as a file has them, say wrongly about each other."""
        yield from ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for place, wrong in self.crossed(self.model_dump(by_alias=True)):
            raise PydanticCustomError(crossing.CROSSED, "{wrong}", {"wrong": wrong, "place": place})
        return self


class HourRange(_Strict):
    """Local hours from `begins` to `ends`; they cross midnight if `begins` is later, and equal times mean all day."""

    begins: dt.time = Field(alias="from", description="first local time, HH:MM")
    ends: dt.time = Field(alias="to", description="local time it ends at, HH:MM")

    @field_validator("begins", "ends", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        # YAML 1.1 reads an unquoted 21:00 as the number 1260.
        if isinstance(value, int):
            raise ValueError('write the time in quotes, such as "08:00"')
        return value

    def minutes(self) -> set[int]:
        """Return the minutes of the day, 0 to 1439, that lie inside."""
        first, last = (time.hour * 60 + time.minute for time in (self.begins, self.ends))
        if first == last:
            return set(range(1440))
        return set(range(first, last)) if first < last else set(range(first, 1440)) | set(range(last))


class Goal(_Strict):
    """The event that counts as a conversion, and the target."""

    event: GoalEvent = "order"
    within_days: float = Field(gt=0, le=365, description="conversion window after the mail, days of 24 hours")
    target_rate: Ratio | None = Field(None, description="share of mailed series that should convert")
    begins: dt.date | None = Field(None, alias="from", description="date the target counts from; none = the first mail")
    until: dt.date | None = Field(None, description="date the target is for")

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_goal(values)


class Attribution(_Strict):
    """Which mail an order is credited to: the one last touched before it, if the order came in time."""

    touch: Touch = Field("send", description="what a mail takes credit by: send, or a person's first open or click")
    days: float | None = Field(
        None, gt=0, le=365, description="days of 24 hours after the touch in which orders count; none = the goal's"
    )


def _says_when_it_is_due(schema: dict[str, Any]) -> None:
    """Let editors ask for one of the keys that say when a step is due; `resend` brings its template along."""
    schema["required"] = ["step"]
    schema["oneOf"] = [
        *({"required": [key, "template"]} for key in crossing.TIMINGS),
        {"required": ["resend"]},
    ]


def _follows_an_end(schema: dict[str, Any]) -> None:
    """Leave editors the keys that a step after an end may have."""
    schema["required"] = ["step", "after_hours"]
    schema["anyOf"] = [{"required": ["template"]}, {"required": ["alert"]}]
    schema.pop("oneOf", None)
    for key in (*crossing.TIMINGS[1:], "resend"):
        schema["properties"].pop(key, None)


class Offer(_Strict):
    """What a step gives: a percentage or an amount off, free shipping, or a gift. Its mails show code and end."""

    percent: float | None = Field(None, gt=0, le=100, description="percent off an order")
    amount: Money | None = Field(None, gt=0, description="money off an order, in `currency`")
    free_shipping: Literal[True] | None = Field(None, description="delivery at no cost")
    gift: Name | None = Field(None, description="something extra: offer.gifts.<word> of the translations names it")
    currency: str | None = Field(None, pattern=CURRENCY, description="ISO 4217, of `amount` and `minimum`")
    of: Name | None = Field(None, description="an earlier step: its mail's code and end are shown again, no new code")
    valid_hours: float | None = Field(
        None,
        gt=0,
        le=LONGEST_HOURS,
        description="hours in which it can be used, counted from the last moment its mail may go",
    )
    minimum: Money | None = Field(None, gt=0, description="smallest order it counts for, in `currency`")
    only_once: bool = Field(False, description="whether a recipient can use it for one order alone")
    codes: Literal["personal"] | None = Field(None, description="personal: a code for each mail; this is the default")
    code: str | None = Field(None, pattern=SHARED_CODE, description="one code that all its mails show")

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_offer(values)

    def for_templates(self) -> dict[str, Any]:
        """Return the offer as templates and the code's row know it: plain values, whole numbers without a fraction."""
        given = self.model_dump(exclude_none=True, exclude_defaults=True)
        return {name: _plain(value) for name, value in given.items() if name != "codes"}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Recommend(_Strict):
    """Products that a mail recommends: which kind, and how many at most."""

    what: Annotated[str, WordOf(RECOMMENDATIONS)]
    items: int = Field(3, ge=1, le=10, description="at most so many; a mail may get fewer, or none")


class Step(_Strict):
    """One mail of a series, and when it is due: by exactly one of after_hours, after, at, on and resend."""

    model_config = ConfigDict(json_schema_extra=_says_when_it_is_due)

    step: Name
    after_hours: Hours | None = Field(None, description="hours after enrollment")
    after: AfterStep | None = Field(None, description="hours after the provider took the mail of an earlier step")
    at: AtMoment | None = Field(None, description="hours around a moment that the occurrence's context has")
    on: Dates | None = Field(None, description="calendar dates, by the recipient's clock; the first that is not past")
    send_at: LocalTime | None = Field(
        None, description="recipient's local time, HH:MM: the step is due at the next one after its moment"
    )
    resend: Resend | None = Field(
        None, description="the mail of an earlier step once more, with its second subject, to those who did not open it"
    )
    template: str = Field(pattern=TEMPLATE)
    subject: Literal["again"] | None = Field(
        None, description="again: the template's second subject, the file subject_again.txt"
    )
    when: Conditions = Field(default_factory=dict, description="sent only if all of these hold at the due moment")
    unless: Conditions = Field(default_factory=dict, description="sent only if none of these holds at the due moment")
    offer: Offer | None = None
    recommend: Recommend | None = Field(None, description="products that templates get as `recommended`")
    variants: dict[Name, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict, description="variant → share; shares add up to 1"
    )

    @property
    def is_fixed(self) -> bool:
        """Whether the step is due so many hours after enrollment, and nothing moves it."""
        return self.after_hours is not None and self.send_at is None

    def moment(self) -> str:
        """Return in words when the step is due."""
        said = ""
        if self.after is not None:
            said = f"{self.after.hours:g} h after {self.after.step}"
        elif self.at is not None:
            said = f"{abs(self.at.hours):g} h {'before' if self.at.hours < 0 else 'after'} {self.at.moment}"
        elif self.on is not None:
            said = f"on {', '.join(date.isoformat() for date in self.on)}"
        else:
            said = f"{self.after_hours or 0:g} h"
        return said if self.send_at is None else f"{said}, at {self.send_at:%H:%M}"

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_step(values)


class EndStep(Step):
    """A mail after the end of a series, or an alert, or both; `after_hours` counts from the end."""

    model_config = ConfigDict(json_schema_extra=_follows_an_end)

    after_hours: Hours | None = Field(None, description="hours after the series ended")
    template: str = Field("", pattern=TEMPLATE, description="none = an alert alone")
    alert: Name | None = Field(None, description="word of the row in journey.alert that is written for a person to see")

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_end_step(values)


class EndSunset(_Strict):
    """What list hygiene does after the end of a series."""

    sunset: Sunset


def _kind_of_end(value: Any) -> str:
    """Return which of the two an entry of `on_end` is."""
    has_sunset = isinstance(value, EndSunset) or (isinstance(value, Mapping) and "sunset" in value)
    return "[EndSunset]" if has_sunset else "[EndStep]"


EndWord = Annotated[str, WordOf(EXITS, also=crossing.ENDS)]
EndAction = Annotated[
    Annotated[EndStep, Tag("[EndStep]")] | Annotated[EndSunset, Tag("[EndSunset]")], Discriminator(_kind_of_end)
]
EndActions = Annotated[
    tuple[EndAction, ...],
    BeforeValidator(several, json_schema_input_type=EndAction | list[EndAction]),
    Field(min_length=1),
]


class SegmentUse(BaseModel):
    """A segment of the registry, with the parameters that differ from its defaults."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: Name

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


FormerNames = Annotated[tuple[Name, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Campaign(_Strict):
    """One campaign file."""

    campaign: Name
    renamed_from: FormerNames = Field((), description="what it was called before: a name, or several, the first first")
    owner: str = Field(min_length=1, description="whom to ask")
    description: str = Field(min_length=1)
    schedule: str = Field(description="cron expression, UTC")
    segment: SegmentUse
    newer_occurrence: NewerOccurrence | None = Field(
        None,
        description="what a newer occurrence of a customer in a series does; none = supersede. supersede: it ends a "
        "series that no mail of went, and one that a mail of went takes over its context if it is about the same "
        "thing; join: it becomes part of a series while nothing of it was claimed; wait: it waits for the series' end",
    )
    join_ahead_days: int | None = Field(
        None,
        ge=0,
        le=365,
        description="with join: what falls due within so many days of a series' beginning is part of it; none = "
        f"{JOIN_AHEAD_DAYS}, if the segment can look ahead",
    )
    goal: Goal
    attribution: Attribution = Field(
        Attribution(touch="send", days=None), description="which orders are credited to a mail, apart from the goal"
    )
    exit_on: tuple[ExitWord, ...] = ("unsubscribed",)
    holdout: Ratio = Field(0.0, description="share of enrolled customers that gets nothing")
    topic: Name
    priority: int = Field(50, ge=0, le=1000, description="higher wins a customer's day")
    reenter_after_days: float = Field(ge=0, le=LONGEST_DAYS, description="days between two enrollments of one customer")
    max_lateness_hours: float = Field(gt=0, le=LONGEST_HOURS, description="later than this a mail is stale")
    send_window: HourRange | None = Field(None, description="recipient's local time; none = any hour")
    steps: tuple[Step, ...] = Field(min_length=1)
    on_end: dict[EndWord, EndActions] = Field(
        default_factory=dict,
        description="what follows the end of a series: converted (an exit that is the goal), completed, any, or an "
        "exit word; each has one step, a list of steps, or {sunset: {days: N}}",
    )

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, values: Any) -> Any:
        return written_out(values)

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if not is_schedule(value):
            raise ValueError('no moment matches this: write five cron fields, such as "0 * * * *"')
        return value

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_campaign(values)

    @property
    def joins(self) -> bool:
        """Whether several occurrences of a customer may share one series."""
        return self.newer_occurrence == "join"

    @property
    def supersedes(self) -> bool:
        """Whether a newer occurrence ends a series that no mail of went, or gives it its context."""
        return self.newer_occurrence in (None, "supersede")

    @property
    def credit_model(self) -> str:
        """By which touch a mail takes credit for an order: sent, opened or clicked."""
        return CREDIT_MODELS[self.attribution.touch]

    @property
    def exit_files(self) -> tuple[str, ...]:
        """The SQL files of the exits that end this campaign's series: those it names, and those that always apply."""
        words = words_of(EXITS)
        return tuple(one.file for name, one in words.items() if one.always_applies or name in self.exit_on)

    def step_named(self, name: str) -> Step:
        """Return the step called `name` (KeyError otherwise)."""
        return {step.step: step for step in self.every_step}[name]

    def offer_for(self, step: str, variant: str) -> dict[str, Any] | None:
        """Return the offer of a step's mails as templates know it; the variant called `without_offer` gets none.

        A step that shows the offer of an earlier one has the terms of that step, and its name in `of`.
        """
        offer = self.step_named(step).offer
        if offer is None or variant == WITHOUT_OFFER:
            return None
        origin = None
        while offer is not None and offer.of is not None:
            origin, offer = offer.of, self.step_named(offer.of).offer
        terms = offer.for_templates() if offer else {}
        return terms if origin is None else {**terms, "of": origin}

    @property
    def end_steps(self) -> tuple[tuple[str, EndStep], ...]:
        """The steps that follow the end of a series, each with the word of `on_end` that it stands under."""
        return tuple(
            (word, one) for word, actions in self.on_end.items() for one in actions if isinstance(one, EndStep)
        )

    @property
    def every_step(self) -> tuple[Step, ...]:
        """The steps of the series, then those that follow its end."""
        return (*self.steps, *(step for _, step in self.end_steps))

    def moments(self) -> list[tuple[Step, str]]:
        """Return every step with the words that say when it is due."""
        ends = [(step, f"{word}: {step.moment()}") for word, step in self.end_steps]
        return [*((step, step.moment()) for step in self.steps), *ends]

    @property
    def last_after_hours(self) -> float:
        """Hours after enrollment at which the last step is due whose moment counts from it."""
        return max((step.after_hours or 0.0 for step in self.steps), default=0.0)

    @property
    def mails(self) -> tuple[Step, ...]:
        """Every step that has a mail."""
        return tuple(step for step in self.every_step if step.template)

    @property
    def is_fixed(self) -> bool:
        """Whether every step is due so many hours after enrollment, and nothing else."""
        return not self.end_steps and all(step.is_fixed for step in self.steps)

    def recommend_of(self, step: str) -> Recommend | None:
        """Return what mails of `step` recommend; None = nothing, or the campaign does not have the step any more."""
        return next((one.recommend for one in self.every_step if one.step == step), None)

    @property
    def first_name(self) -> str:
        """What the campaign was called first, as far as its file tells."""
        return (*self.renamed_from, self.campaign)[0]

    def definition(self) -> dict[str, Any]:
        """Return the file as plain JSON values."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        plain["segment"] = {"name": self.segment.name, **self.segment.parameters}
        if not self.renamed_from:
            del plain["renamed_from"]
        if not self.on_end:
            del plain["on_end"]
        for action in (one for actions in plain.get("on_end", {}).values() for one in actions):
            if action.get("template") == "":
                del action["template"]
        if "attribution" not in self.model_fields_set:
            del plain["attribution"]
        return plain

    def content(self) -> dict[str, Any]:
        """Return what checksums are made of: the file under its first name. A new name alone changes none of it."""
        plain = {**self.definition(), "campaign": self.first_name}
        plain.pop("renamed_from", None)
        return plain

    def called(self, name: str) -> Campaign:
        """Return the same campaign under its present name."""
        if name == self.campaign:
            return self
        former = self.renamed_from or (self.campaign,)
        return self.model_copy(update={"campaign": name, "renamed_from": former})

    def definition_md5(self) -> str:
        """Return the checksum that an approval holds for."""
        text = orjson.dumps(self.content(), option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.md5(text, usedforsecurity=False).hexdigest()


class Sender(_Strict):
    """The sender of a mail."""

    name: SenderName
    email: SendingAddress


class ReplyTo(_Strict):
    """Where answers go."""

    email: SendingAddress
    name: SenderName | None = None


class Cap(_Strict):
    """At most `mails` marketing mails per customer and local day or week (Monday to Sunday)."""

    mails: int = Field(ge=1, le=100)
    per: Literal["day", "week"] = "day"


class Limits(_Strict):
    """The limits at which a campaign stops by itself: shares of the mails accepted in the last `window_hours`.

    Google refuses senders above a complaint rate of 0.3 %. Below `minimum` mails no rate is judged.
    """

    complaint_rate: Ratio = 0.003
    bounce_rate: Ratio = 0.05
    rejection_rate: Ratio = 0.05
    minimum: Annotated[int, Field(ge=1)] = 200
    window_hours: Annotated[float, Field(gt=0, le=LONGEST_HOURS)] = 72


def _with_email(value: Any) -> Any:
    return {"email": value} if isinstance(value, str) else value


class Topic(_Strict):
    """What a mail is about, and what is permitted for it."""

    topic: Name
    description: str
    kind: Literal["marketing", "transactional"] = "marketing"
    sendgrid_group_id: int | None = None
    sender: Sender
    reply_to: Annotated[ReplyTo, BeforeValidator(_with_email)] | None = Field(
        None, description="where answers go: an address, or email and name; none = to the sender"
    )
    ip_pool: IpPool | None = Field(None, description="pool of dedicated addresses at SendGrid; none = the account's")
    cap: Cap | None = None
    in_doubt: Literal["abandon", "resend"] = "abandon"
    settle_after_hours: float = Field(SETTLE_AFTER_HOURS, gt=0, le=LONGEST_HOURS)
    quiet_hours: HourRange | None = None
    permissions: tuple[Permission, ...] = ("confirmed",)
    limits: Limits = Limits()
    renamed_from: FormerNames = Field((), description="what the topic was called before: a name, or several")

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses that recipients see as ours: the sender's, and the one that answers go to."""
        return (self.sender.email, *([self.reply_to.email] if self.reply_to else ()))

    @property
    def is_marketing(self) -> bool:
        return self.kind == "marketing"

    @property
    def resend_after_hours(self) -> float:
        """Hours after an attempt at which `resend` judges it: never while the provider may still post its events."""
        return max(self.settle_after_hours, RESEND_AFTER_HOURS_MIN)

    @property
    def lateness_hours_needed(self) -> float:
        """The smallest `max_lateness_hours` with which mails can still go after the policy plans them again."""
        return self.resend_after_hours + RESEND_ROOM_HOURS if self.in_doubt == "resend" else 0.0

    @classmethod
    def crossed(cls, values: Mapping[str, Any]) -> Iterator[crossing.Fault]:
        return crossing.of_topic(values)
