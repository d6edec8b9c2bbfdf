"""A folder of this machine: files of JSON lines, of what changed since the last."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.exchange import CallFailed, Exchange, Reply
from segments.activation.destinations.files import (
    ENTER,
    EXIT,
    FORGET,
    MOST,
    SETTINGS,
    File,
    file_of,
    seconds_of,
    test_file,
)
from segments.activation.destinations.tools import Faults, Item, Setting, Tool
from segments.activation.outcomes import Outcome

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _put(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _write(exchange, ENTER, items)


def _take_out(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _write(exchange, EXIT, items)


def _forget(exchange: Exchange, items: Sequence[Item]) -> Faults:
    return _write(exchange, FORGET, items)


def _write(exchange: Exchange, action: str, items: Sequence[Item]) -> Faults:
    """Write a file whole or not at all: readers never see a part of it."""
    exchange.begin()
    _save(exchange, file_of(exchange, action, items))
    return {}


def _save(exchange: Exchange, made: File) -> None:
    chosen = exchange.settings["folder"]
    # A name and no path: a setting reaches nothing beside the folder that the operator chose.
    if not _NAME.fullmatch(chosen):
        raise CallFailed(Outcome(None, "no_folder_name", is_general=True))
    folder = Path(settings.EXPORT_FOLDER) / chosen
    part = folder / f".{made.name}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(part, "wb", opener=_private) as file:
            file.write(made.content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / made.name)
    except OSError:
        raise CallFailed(Outcome(None, "not_written", is_general=True)) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _check(exchange: Exchange) -> Reply:
    _save(exchange, test_file(exchange))
    return Reply(200, None)


TOOL = Tool(
    key="folder",
    title=_("Files in a folder"),
    settings=(
        Setting(name="folder", label=_("Name of the folder")),
        *SETTINGS,
    ),
    mapping={"id": "id", "email": "email", "segments": "segments"},
    identifies=("id",),
    put=_put,
    take_out=_take_out,
    forget=_forget,
    check=_check,
    batch_size=MOST,
    removal_size=MOST,
    seconds_between_calls=0,
    seconds_between_runs=seconds_of,
)
