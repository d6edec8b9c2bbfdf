"""A table of another database: a row for each person who is in, by SQLAlchemy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_lazy as _
from sqlalchemy import (
    ColumnClause,
    Connection,
    Delete,
    Insert,
    Select,
    TableClause,
    column,
    false,
    select,
)
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import mysql, postgresql, sqlite

from profiles.lib import exact_json
from profiles.lib.databases.connections import connected, faults_of_the_other_database
from profiles.lib.databases.dialects import Session, read_url
from profiles.lib.databases.faults import SqlFault, WrongAddress
from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

# Shorter than the lease of a batch.
WRITING = Session(seconds=60, may_write=True)
READING = Session(seconds=15)
BATCH = 500
# What the database says of the values of a batch, as a status of HTTP does.
_REFUSED = 422
_TABLE = re.compile(r"(?:[^\W\d]\w{0,62}\.)?[^\W\d]\w{0,62}")


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    columns = _columns(exchange)
    rows = [_row(columns, item.fields) for item in items]
    with _writing(exchange) as other:
        other.execute(_upsert(_table(exchange), _key(exchange), other.dialect.name), rows)
    return {}


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    with _writing(exchange) as other:
        other.execute(_delete(_table(exchange), _key(exchange), items))
    return {}


def _check(exchange: Exchange) -> Reply:
    """Ask the table for its columns, and for no row."""
    address = exchange.credentials["database"]
    with (
        _faults(),
        connected(read_url(address), READING) as other,
        faults_of_the_other_database(),
    ):
        other.execute(_no_rows(_table(exchange)))
    return Reply(200, None)


@contextmanager
def _writing(exchange: Exchange) -> Iterator[Connection]:
    """Give a connection whose transaction is committed at the end. The gate is asked before."""
    with _faults(), connected(read_url(exchange.credentials["database"]), WRITING) as other:
        exchange.begin()
        with faults_of_the_other_database():
            yield other
            other.commit()


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except WrongAddress as wrong:
        raise CallFailed(Outcome(None, wrong.code, is_general=True)) from None
    except SqlFault as fault:
        if fault.is_about_values:
            raise CallFailed(Outcome(_REFUSED, fault.word)) from None
        raise CallFailed(Outcome(None, fault.word, is_general=True)) from None


def _key(exchange: Exchange) -> str:
    return exchange.settings["key"]


def _columns(exchange: Exchange) -> dict[str, str]:
    """Return the column of each name of the mapping."""
    names: Mapping[str, Any] = exchange.destination.mapping
    return {name: _key(exchange) if name == "id" else name for name in names}


def _table(exchange: Exchange) -> TableClause:
    schema, _dot, name = exchange.settings["table"].rpartition(".")
    columns: list[ColumnClause[Any]] = [column(each) for each in _columns(exchange).values()]
    return sql_table(name, *columns, schema=schema or None)


def _upsert(target: TableClause, key: str, dialect: str) -> Insert:
    """Return the statement that writes a row, over the one with its key where there is one."""
    names = [each.name for each in target.columns]
    if dialect in ("mysql", "mariadb"):
        of_mysql = mysql.insert(target)
        return of_mysql.on_duplicate_key_update({name: of_mysql.inserted[name] for name in names})
    written = sqlite.insert(target) if dialect == "sqlite" else postgresql.insert(target)
    others = {name: written.excluded[name] for name in names if name != key}
    if not others:
        return written.on_conflict_do_nothing(index_elements=[key])
    return written.on_conflict_do_update(index_elements=[key], set_=others)


def _delete(target: TableClause, key: str, items: Sequence[Item]) -> Delete:
    return target.delete().where(target.c[key].in_([_cell(each.fields["id"]) for each in items]))


def _no_rows(target: TableClause) -> Select[Any]:
    return select(target).where(false())


def _row(columns: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with all columns: what is not known of a person any more is emptied."""
    return {place: _cell(fields.get(name)) for name, place in columns.items()}


def _cell(value: Any) -> Any:
    return exact_json.dumps(value) if isinstance(value, dict | list) else value


def _fault_of_database(text: str) -> str:
    try:
        read_url(text)
    except WrongAddress as wrong:
        return f"It has to be {wrong.detail}."
    return ""


def _fault_of_table(text: str) -> str:
    return (
        "" if _TABLE.fullmatch(text) else "The name of a table, with its schema and a dot or not."
    )


TOOL = Tool(
    key="table",
    title=_("Table of a database"),
    settings=(
        Setting(
            name="database",
            label=_("Address of the database, such as postgresql://user:password@host/db"),
            is_secret=True,
            fault_of=_fault_of_database,
        ),
        Setting(name="table", label=_("Name of the table"), fault_of=_fault_of_table),
        Setting(name="key", label=_("Column with the key"), default="id"),
    ),
    mapping={"id": "id", "email": "email", "segments": "segments"},
    identifies=("id",),
    put=_put,
    take_out=_take_out,
    forget=_take_out,
    check=_check,
    batch_size=BATCH,
    removal_size=BATCH,
    seconds_between_calls=0,
)
