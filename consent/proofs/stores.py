"""Searching every store that this product writes: tables, planner samples, files, Valkey.

Invariant: what is returned names places and numbers, and never what was found there.
"""

import gzip
import os
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql as composed
from redis import Redis

from consent.proofs import sql
from consent.proofs.patterns import GZIP, Patterns

# The databases themselves: their tables and keys are searched, their dead pages are declared.
_DATABASE_FOLDERS = ("postgres", "valkey", "secrets", "static")
_SPECIAL = re.compile(r"([\\%_])")
_BODY = re.compile(rb'"body": ?"([A-Za-z0-9+/=]+)"')
_ROWS_AT_ONCE = 200
_PART = 64 * 1024 * 1024
# No value is longer, so that none is cut in two unseen.
_OVERLAP = 4096


class Hit(NamedTuple):
    """A place that has something: a table, a column, a file or a key, and how often."""

    place: str
    form: str  # spelling, hash, or another's
    times: int


class Search(NamedTuple):
    """What is looked for: values of the person, and those that somebody else has by now."""

    own: Patterns
    others: Patterns


def search_tables(search: Search) -> tuple[int, list[Hit]]:
    """Return how many tables were searched, and the hits: rows as text, bytes unpacked."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.TABLES)
        tables = cursor.fetchall()
        hits = [hit for table, _ in tables for hit in _rows_of(table, search)]
        hits += [
            hit
            for table, columns in tables
            for name in columns
            for hit in _bytes_of(table, name, search)
        ]
    return len(tables), hits


def search_statistics(search: Search) -> list[Hit]:
    """Return the columns of which the planner keeps a sample that has something."""
    patterns = [_like(text) for text in (*search.own.spellings, *search.own.hashes)]
    with connection.cursor() as cursor:
        cursor.execute(sql.STATISTICS, [patterns])
        return [Hit(f"planner's sample of {name}", "spelling", 1) for (name,) in cursor.fetchall()]


def search_valkey(search: Search) -> tuple[int, list[Hit]]:
    """Return how many keys were searched in the queue and the cache, and the hits."""
    keys, hits = 0, list[Hit]()
    for name, client in _clients():
        contents = list(_contents(client))
        keys += len(contents)
        hits += _hits(f"Valkey, {name}", contents, search)
    return keys, hits


def search_files(paths: Iterable[Path], search: Search) -> tuple[int, list[Hit]]:
    """Return how many files were searched below the paths, and the hits."""
    files, hits = 0, list[Hit]()
    for root in paths:
        for path in _files_below(root):
            files += 1
            hits += _hits(_shown(path), _parts(path), search)
    return files, hits


def own_files() -> list[Path]:
    """Return what this product writes to: all of DATA_DIR but the databases, keys and pages."""
    folder = settings.DATA_DIR
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name not in _DATABASE_FOLDERS)


def _rows_of(table: str, search: Search) -> Iterator[Hit]:
    parameters = {
        "spellings": [_like(text) for text in search.own.spellings],
        "hashes": [_like(text) for text in search.own.hashes],
        "others": [_like(text) for text in search.others.spellings],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_ROWS.format(table=composed.Identifier(table)), parameters)
        counts = cursor.fetchone()
    for form, count in zip(("spelling", "hash", "another's"), counts, strict=True):
        if count:
            yield Hit(table, form, count)


def _bytes_of(table: str, column: str, search: Search) -> Iterator[Hit]:
    names = {"table": composed.Identifier(table), "column": composed.Identifier(column)}
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql.BYTES.format(**names))
        contents = (
            bytes(row[0])
            for rows in iter(lambda: cursor.fetchmany(_ROWS_AT_ONCE), [])
            for row in rows
        )
        yield from _hits(f"{table}.{column}", contents, search)


def _hits(place: str, contents: Iterable[bytes], search: Search) -> Iterator[Hit]:
    spellings = hashes = others = 0
    for content in contents:
        has_spelling, has_hash = search.own.found_in(content)
        spellings, hashes = spellings + has_spelling, hashes + has_hash
        if search.others.spellings:
            others += search.others.found_in(content)[0]
    counts = {"spelling": spellings, "hash": hashes, "another's": others}
    yield from (Hit(place, form, count) for form, count in counts.items() if count)


def _like(text: str) -> str:
    return f"%{_escaped(text)}%"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _clients() -> Iterator[tuple[str, "Redis"]]:
    for name, url in (("queue", settings.BROKER_URL), ("cache", settings.CACHE_URL)):
        if address := _redis_url(url):
            yield name, Redis.from_url(address)


def _redis_url(url: str) -> str:
    """Return the URL of a Valkey as its client reads it; empty for another kind of broker."""
    parts = urlsplit(url)
    if parts.scheme == "redis+socket":
        number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
        return f"unix://{parts.path}?db={number}"
    return url if parts.scheme in ("redis", "rediss", "unix") else ""


def _contents(client: "Redis") -> Iterator[bytes]:
    for key in client.scan_iter():
        text = bytes(key) + b" " + repr(_value(client, key)).encode()
        # Celery encodes what a task is given in Base64.
        yield text + b" " + b" ".join(_bodies(text))


def _value(client: "Redis", key: bytes) -> object:
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"stream":
            return client.xrange(key)
    # It has expired since.
    return None


def _bodies(text: bytes) -> Iterator[bytes]:
    for body in _BODY.findall(text):
        try:
            yield b64decode(body)
        except NotBase64:
            continue


def _files_below(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _parts(path: Path) -> Iterator[bytes]:
    """Yield a file, unpacked where gzip packed it, in parts that overlap."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == GZIP
        with gzip.open(path) if is_packed else path.open("rb") as file:
            part = file.read(_PART)
            while part:
                yield part
                following = file.read(_PART)
                part = part[-_OVERLAP:] + following if following else b""
    except (FileNotFoundError, EOFError, gzip.BadGzipFile):
        # A mail or log file may have ended since, and a dump been cut off.
        return


def _shown(path: Path) -> str:
    """Return how a file is named: below DATA_DIR without what is above it."""
    try:
        return f"DATA_DIR/{path.relative_to(settings.DATA_DIR)}"
    except ValueError:
        return path.name
