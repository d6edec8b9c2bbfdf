"""Reading settings from the environment: defaults, valid and invalid values."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.runtime.listening import listening_address


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.env_bool("WORD", True), "perhaps"),
        (lambda: env.env_int("WORD", 1), "one"),
        (lambda: env.env_int("WORD", 1), "1.5"),
        (lambda: env.env_int("WORD", 1, minimum=1), "0"),
        (lambda: env.env_int("WORD", 1), "-1"),
        (lambda: env.env_database("WORD"), "nonsense"),
        (lambda: env.env_database("WORD"), "mysql://a/b"),
        (lambda: env.env_database("WORD"), "postgres://host:port/name"),
        (lambda: env.env_database("WORD"), "postgres://[::1/name"),
        (lambda: env.env_database("WORD"), "postgres://host"),
        (lambda: env.env_broker("WORD", ""), "nonsense"),
        (lambda: env.env_broker("WORD", ""), "http://host"),
        (lambda: env.env_broker("WORD", ""), "redis://"),
        (lambda: env.env_broker("WORD", ""), "redis://host:port"),
        (lambda: env.env_broker("WORD", ""), "redis://[::1/0"),
        (lambda: env.env_rate("WORD", ""), "often"),
        (lambda: env.env_rate("WORD", ""), "0.5/minute"),
        (lambda: env.env_time_zone("WORD", "UTC"), "Paris"),
        (lambda: env.env_time_zone("WORD", "UTC"), "../../etc/passwd"),
        (lambda: env.env_time_zone("WORD", "UTC"), "Europe"),
        (lambda: env.env_email("WORD", ""), "carrier-pigeon://coop"),
        (lambda: env.env_colour("WORD"), "teal"),
        (lambda: env.env_colour("WORD"), "#0b6b7"),
        (lambda: env.env_colour("WORD"), "#0b6b70; }"),
        (lambda: env.env_picture("WORD"), "logo.exe"),
        (lambda: env.env_picture("WORD"), "/nowhere/logo.svg"),
    ],
)
def test_nonsense_raises_and_names_the_variable(
    read: Callable[[], Any], value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", value)
    with pytest.raises(ImproperlyConfigured, match="WORD"):
        read()


@pytest.mark.parametrize("value", ["", "  "])
def test_what_is_absent_or_empty_takes_the_default(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", value)
    assert env.env_bool("WORD", True) is True
    assert env.env_int("WORD", 7) == 7
    assert env.env_list("WORD", ["a"]) == ["a"]
    assert env.env_database("WORD") is None
    assert env.env_broker("WORD", "redis://here") == "redis://here"
    assert env.env_time_zone("WORD", "UTC") == "UTC"


def test_what_is_well_formed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", " OFF ")
    assert env.env_bool("WORD", True) is False
    monkeypatch.setenv("WORD", "a, b,,")
    assert env.env_list("WORD", []) == ["a", "b"]
    monkeypatch.setenv("WORD", "amqp://user:password@host:5672//")
    assert env.env_broker("WORD", "") == "amqp://user:password@host:5672//"


def test_the_host_of_a_database_may_be_the_directory_of_a_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORD", "postgres://ada:p%40ss@%2Frun%2Fpostgresql:5433/shop")
    entry = env.env_database("WORD")
    assert entry is not None
    assert {name: entry[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")} == {
        "HOST": "/run/postgresql",
        "PORT": 5433,
        "USER": "ada",
        "PASSWORD": "p@ss",
        "NAME": "shop",
    }


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_WORD", raising=False)
    secret = env.env_secret("SECRET_WORD", tmp_path / "secrets")
    assert len(secret) >= 43
    assert env.env_secret("SECRET_WORD", tmp_path / "secrets") == secret
    secret_file = tmp_path / "secrets" / "secret_word"
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    monkeypatch.setenv("SECRET_WORD", "from the environment")
    assert env.env_secret("SECRET_WORD", tmp_path / "secrets") == "from the environment"


def test_a_port_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "65536")
    with pytest.raises(ImproperlyConfigured, match="PORT"):
        listening_address()


@pytest.mark.parametrize(
    ("application", "url"),
    [("", "postgres://owner:word@db/store"), ("tessera", "postgres://db/store")],
)
def test_with_an_owner_both_roles_have_names(
    application: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL"):
        env.env_owner("MIGRATE_DATABASE_URL", application)


def test_options_of_the_owner_are_refused_and_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgres://owner:word@db/store?sslmode=require"
    monkeypatch.setenv("MIGRATE_DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL has no options"):
        env.env_owner("MIGRATE_DATABASE_URL", "tessera")


def test_the_owner_says_what_its_connection_has_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.env_owner("MIGRATE_DATABASE_URL", "tessera") == {}
    monkeypatch.setenv("MIGRATE_DATABASE_URL", "postgres://owner:word@db:6432/store")
    assert env.env_owner("MIGRATE_DATABASE_URL", "tessera") == {
        "NAME": "store",
        "USER": "owner",
        "PASSWORD": "word",
        "HOST": "db",
        "PORT": 6432,
    }
