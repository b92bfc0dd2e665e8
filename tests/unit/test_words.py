"""Registries of words: a folder of SQL files is the vocabulary, each file keeps its contract and has cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle_mail.campaigns.conditions import SHAPES
from lifecycle_mail.campaigns.models import Campaign
from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.words import CONDITIONS, EXITS, GOALS, words_of

CASES = Path(__file__).resolve().parents[1] / "sql"
# Folder of words → the key its headers begin with, and the folder of its cases.
REGISTRIES = {EXITS: ("exit", "exits"), CONDITIONS: ("condition", "conditions"), GOALS: ("goal", "goals")}
WORDS = [(folder, word) for folder in REGISTRIES for word in words_of(folder)]


@pytest.mark.parametrize(("folder", "word"), WORDS)
def test_a_word_says_its_contract_and_has_cases(folder: str, word: str) -> None:
    """The header names the word, what it means, its grain, what it reads and its look-back; cases judge it."""
    key, cases = REGISTRIES[folder]
    header = words_of(folder)[word].header
    assert header[key] == word
    assert {"what", "grain", "reads", "look-back"} <= set(header)
    assert [case for case in (CASES / cases / word).glob("test_*") if (case / "expect.yaml").exists()]


@pytest.mark.parametrize("folder", REGISTRIES)
def test_no_cases_are_left_of_a_word_that_is_gone(folder: str) -> None:
    """Every folder of cases belongs to a word."""
    assert {path.name for path in (CASES / REGISTRIES[folder][1]).iterdir() if path.is_dir()} == set(words_of(folder))


def test_exit_on_accepts_what_the_folder_holds() -> None:
    """The JSON Schema for editors and the folder name the same words."""
    schema = Campaign.model_json_schema(by_alias=True)
    files = {file.stem for file in (SQL_FOLDER / EXITS).glob("*.sql")}
    assert set(schema["properties"]["exit_on"]["items"]["enum"]) == files


def test_editors_know_the_touches_of_an_attribution() -> None:
    """The JSON Schema names the touches, and the days, apart from the goal."""
    schema = Campaign.model_json_schema(by_alias=True)["$defs"]["Attribution"]["properties"]
    assert schema["touch"]["enum"] == ["send", "open", "click"]
    assert "365" in str(schema["days"])


def test_a_condition_says_which_value_it_takes() -> None:
    """The header names the shape of what a campaign file may write, and every shape is in use."""
    assert {word.header["value"] for word in words_of(CONDITIONS).values()} == set(SHAPES)


def test_conditions_accept_what_the_folder_holds() -> None:
    """The JSON Schema for editors and the folder name the same words, in `when` and in `unless`."""
    schema = Campaign.model_json_schema(by_alias=True)
    files = {file.stem for file in (SQL_FOLDER / CONDITIONS).glob("*.sql")}
    conditions = schema["$defs"]["Conditions"]
    assert (set(conditions["properties"]), conditions["additionalProperties"]) == (files, False)
    step = schema["$defs"]["Step"]["properties"]
    assert {step[clause]["$ref"] for clause in ("when", "unless")} == {"#/$defs/Conditions"}


def test_a_goal_says_who_can_reach_it() -> None:
    """The header says whether held-out people can reach the goal: without them there is no lift."""
    assert {word.header["reached-by"] for word in words_of(GOALS).values()} == {"everyone", "mailed"}


def test_goals_accept_what_the_folder_holds() -> None:
    """The JSON Schema for editors and the folder name the same words."""
    schema = Campaign.model_json_schema(by_alias=True)
    files = {file.stem for file in (SQL_FOLDER / GOALS).glob("*.sql")}
    assert set(schema["$defs"]["Goal"]["properties"]["event"]["enum"]) == files
