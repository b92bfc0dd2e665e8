"""What a campaign file may say of each condition word of `when` and `unless`.

`-- value:` in the header of a word's file names one of the shapes below. A value that is written by itself stands for
one key of its shape: `clicked: reminder` is short for `clicked: {step: reminder}`. Below the models.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError
from typing_extensions import TypedDict

from lifecycle_mail.campaigns.patterns import Name
from lifecycle_mail.words import CONDITIONS, WordOf, words_of

ATTRIBUTES = "segments/attributes"
STAGE = "lifecycle_stage"
LONGEST_TEXT = 200
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class _Value(BaseModel):
    """One shape. `short`: the key that a value written by itself stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    short: ClassVar[str] = ""


class OfStep(_Value):
    """An earlier step."""

    short = "step"
    step: Name


class OfClick(OfStep):
    """An earlier step, and a link of its mail that its template names."""

    link: Name | None = None


class OfContext(_Value):
    """A key of the occurrence's context."""

    short = "key"
    key: Name


class OfSegment(_Value):
    """A segment."""

    short = "in_segment"
    in_segment: Name


class OfPages(_Value):
    """Which pages; none given = any."""

    product_type: Text | None = None
    category: Text | None = None
    topic: Text | None = None


class OfRating(_Value):
    """Which ratings."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_one(self) -> OfRating:
        if self.at_least is None and self.at_most is None:
            raise ValueError("says no rating: add at_least or at_most")
        return self


class OfStages(_Value):
    """One or several lifecycle stages."""

    short = "stages"
    stages: Annotated[list[str], Field(min_length=1)]

    @field_validator("stages", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    @field_validator("stages")
    @classmethod
    def _known(cls, stages: list[str]) -> list[str]:
        known = words_of(ATTRIBUTES)[STAGE].header["values"]
        for stage in stages:
            if stage not in known.split(", "):
                raise PydanticKnownError("literal_error", {"expected": known})
        return stages


class OfRule(_Value):
    """An attribute and what it has to be, as in the rules of a segment, which read the rest."""

    model_config = ConfigDict(extra="allow")
    attribute: Annotated[str, WordOf(ATTRIBUTES)] = Field(alias="is")


class OfVariant(OfStep):
    """An earlier step, and one of its variants."""

    short = ""
    variant: Name = Field(alias="is")


class OfAnswer(_Value):
    """A survey, and an answer to it; none = any answer."""

    short = "survey"
    survey: Name
    answer: Text | None = None


def _spelled(shape: type[_Value], value: Any) -> Any:
    """Return a value as a mapping, also if it was written short."""
    if isinstance(value, dict):
        return value
    if not shape.short:
        raise ValueError(f"takes keys and values: write {', '.join(_keys(shape))} below it")
    return {shape.short: value}


def _keys(shape: type[_Value]) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items()]


def _plain(value: _Value) -> Any:
    """Return a value as short as it may be written."""
    given = value.model_dump(by_alias=True, exclude_none=True)
    return given[value.short] if list(given) == [value.short] else given


def _true(value: Any) -> Any:
    if value is not True:
        raise ValueError("takes true: write true")
    return value


def _read(shape: type[_Value]) -> Any:
    """Return the type of a value of this shape."""
    short = shape.model_fields[shape.short].annotation if shape.short else None
    as_input: Any = shape if short is None else short | shape
    if shape is OfStages:
        as_input = str | list[str] | shape
    return Annotated[
        shape,
        BeforeValidator(partial(_spelled, shape), json_schema_input_type=as_input),
        AfterValidator(_plain),
        PlainSerializer(lambda value: value),
    ]


def _pages_or_true(value: Any) -> Any:
    return {} if value is True else value


_TRUE = Annotated[bool, BeforeValidator(_true), Field(json_schema_extra={"const": True})]
SHAPES: dict[str, Any] = {
    "true": _TRUE,
    "step": _read(OfStep),
    "click": _read(OfClick),
    "context_key": _read(OfContext),
    "segment": _read(OfSegment),
    "pages": Annotated[
        OfPages,
        BeforeValidator(_pages_or_true, json_schema_input_type=bool | OfPages),
        AfterValidator(lambda value: _plain(value) or True),
        PlainSerializer(lambda value: value),
    ],
    "rating": _read(OfRating),
    "stages": _read(OfStages),
    "rule": _read(OfRule),
    "variant": _read(OfVariant),
    "answer": _read(OfAnswer),
}
_SHORT: dict[str, type[_Value]] = {
    "step": OfStep, "click": OfClick, "context_key": OfContext, "segment": OfSegment, "stages": OfStages,
    "answer": OfAnswer,
}  # fmt: skip


def shape_of(word: str) -> str:
    """Return the name of the shape that a word's value has."""
    return words_of(CONDITIONS)[word].header["value"]


if TYPE_CHECKING:
    Conditions = dict[str, Any]
else:
    Conditions = TypedDict(
        "Conditions",
        {
            word: Annotated[SHAPES[shape_of(word)], Field(description=one.header["what"])]
            for word, one in words_of(CONDITIONS).items()
        },
        total=False,
    )
    Conditions.__pydantic_config__ = ConfigDict(extra="forbid")


def asked(word: str, value: Any) -> dict[str, Any]:
    """Return a value of a campaign file with all keys written out, as the SQL of the word reads it."""
    if isinstance(value, dict):
        return value
    return {} if value is True else {_SHORT[shape_of(word)].short: value}


def wrong_steps(word: str, value: Any, before: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with the step that a condition names, after the steps `before` its own.

    What is wrong with the value by itself is the model's to say.
    """
    named = value.get("step") if isinstance(value, dict) else value
    if shape_of(word) not in ("step", "click", "variant") or not isinstance(named, str):
        return
    known = {one["step"]: one for one in before if isinstance(one.get("step"), str)}
    if named not in known:
        choices = f"choose one of {', '.join(known)}" if known else "there is none"
        yield f"'{word}' takes the name of an earlier step, not '{named}': {choices}"
    elif shape_of(word) == "variant" and isinstance(value, dict):
        yield from _wrong_variant(value.get("is"), known[named])


def _wrong_variant(variant: Any, step: Mapping[str, Any]) -> Iterator[str]:
    given = step.get("variants")
    variants = [str(name) for name in given] if isinstance(given, Mapping) else []
    if isinstance(variant, str) and variant not in variants:
        nearest = difflib.get_close_matches(variant, variants, n=1, cutoff=0.5)
        choice = f"did you mean '{nearest[0]}'?" if nearest else f"choose one of {', '.join(variants)}"
        advice = choice if variants else "it has none"
        yield f"step '{step['step']}' has no variant '{variant}': {advice}"
