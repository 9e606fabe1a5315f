"""The list of people, on disk and on the command line."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from apps.cli import app
from apps.console.access.people import People, Person
from apps.console.access.visitors import Role
from xray_model.data.decisions import Action, propose
from xray_model.errors import ConfigurationError, InvalidInput


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Nobody yet."""
    return People(tmp_path / "console")


def test_a_token_is_long_and_kept_nowhere(people: People) -> None:
    """It has 256 random bits, is another one each time, and only its hash is on disk, for the owner alone."""
    one, two = people.add("Stella", Role.STEWARD), people.add("Victor", Role.VIEWER)
    assert one
    assert two
    assert one != two
    assert min(len(one), len(two)) >= len("xray_") + 43
    assert not any(token.removeprefix("xray_") in people.path.read_text() for token in (one, two))
    assert people.path.stat().st_mode & 0o777 == 0o600
    assert people.path.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in people.path.parent.iterdir()} == {"people.json", "people.lock"}


def test_each_token_opens_for_its_own_name(people: People) -> None:
    """Name and token belong together; a stranger's name, an empty token and the hash itself open nothing."""
    token = people.add("Stella", Role.STEWARD)
    people.add("Paula", Role.VIEWER, with_token=False)
    assert token
    stella = people.check("Stella", token)
    assert stella
    assert stella.role is Role.STEWARD
    hashed = stella.token_sha256 or ""
    for name, other in [("Paula", token), ("Paula", ""), ("stella", token), ("Mallory", token), ("Stella", hashed)]:
        assert people.check(name, other) is None


def test_another_process_is_noticed(people: People) -> None:
    """Who was added or removed elsewhere counts at once."""
    elsewhere = People(people.path.parent)
    assert people.find("Stella") is None
    elsewhere.add("Stella", Role.VIEWER)
    assert people.find("Stella") == elsewhere.find("Stella") != None  # noqa: E711 - both are there, and alike
    elsewhere.remove("Stella")
    assert people.find("Stella") is None


def test_two_who_add_at_once_lose_nobody(people: People) -> None:
    """Each of many additions at the same time is kept."""
    names = [f"Person {number}" for number in range(12)]
    threads = [threading.Thread(target=People(people.path.parent).add, args=(name, Role.VIEWER)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(people.all()) == sorted(names)


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\x1b[31mb", "a" * 101, "\u202eevil", "\ud800"])
def test_names_that_nobody_can_read_are_refused(people: People, name: str) -> None:
    """A name is one line that can be printed, as it is in a decision."""
    with pytest.raises(InvalidInput, match="no name of a person"):
        people.add(name, Role.VIEWER)
    assert people.all() == {}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_whoever_has_a_name_can_decide_under_it(name: str) -> None:
    """A name is good for a person exactly where it is good for a decision."""

    def good(make: object) -> bool:
        try:
            make()  # type: ignore[operator]
        except (ValueError, InvalidInput):
            return False
        return True

    assert good(lambda: Person(name=name, role=Role.VIEWER)) == good(
        lambda: propose(batch_id="b", action=Action.REJECT, who=name, why="y")
    )


def test_a_name_is_given_once(people: People) -> None:
    """Nobody's role or token changes by being added again; nobody who is not there is removed."""
    token = people.add("Stella", Role.STEWARD)
    with pytest.raises(InvalidInput, match="remove"):
        people.add(" Stella ", Role.VIEWER)
    assert people.check("Stella", token or "")
    with pytest.raises(InvalidInput, match="nobody called"):
        people.remove("Victor")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "damaged"),
        ('{"people": [{"name": "a", "role": "owner", "token_sha256": null}]}', "damaged"),
        ('{"people": [{"name": "a", "role": "viewer", "token_sha256": "plain"}]}', "damaged"),
        ('{"people": [{"name": "a", "role": "viewer"}, {"name": "a", "role": "steward"}]}', "twice"),
    ],
)
def test_a_damaged_list_is_named(people: People, text: str, words: str) -> None:
    """It is never taken for an empty one."""
    people.path.parent.mkdir()
    people.path.write_text(text)
    people.path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=words):
        people.all()


def test_a_list_that_others_can_write_is_refused(people: People) -> None:
    """Whoever can write it could let themselves in."""
    people.add("Stella", Role.STEWARD)
    people.path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        People(people.path.parent).all()


def test_people_on_the_command_line(home: Path) -> None:
    """A token is printed once and works; the list shows names and roles; each change stands in the audit file."""
    printed = run("add", "Jane Doe", "--role", "steward")
    token = next(line for line in printed.splitlines() if line.startswith("xray_"))
    assert People(home / "console").check("Jane Doe", token)
    assert "proxy" in run("add", "Paul", "--role", "viewer", "--no-token")
    assert "Jane Doe" in run("people")
    assert token not in run("people")
    run("remove", "Jane Doe")
    assert "Jane Doe" not in run("people")
    text = (home / "console" / "audit.jsonl").read_text()
    assert token not in text
    assert [(line["event"], line["address"], line["facts"]) for line in map(json.loads, text.splitlines())] == [
        ("person added", "terminal", {"name": "Jane Doe", "role": "steward"}),
        ("person added", "terminal", {"name": "Paul", "role": "viewer"}),
        ("person removed", "terminal", {"name": "Jane Doe"}),
    ]


def test_without_people_the_list_says_what_that_means(home: Path) -> None:
    """Nobody named is not nobody let in."""
    assert "open to whoever" in run("people")


def run(*words: str) -> str:
    """What `xray console …` prints."""
    result = CliRunner().invoke(app, ["console", *words], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
