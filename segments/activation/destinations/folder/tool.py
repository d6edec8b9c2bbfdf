"""A folder of this machine: files of what changed since the last."""

import os
import re
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from segments.activation.destinations.exchange import CallFailed, Exchange
from segments.activation.destinations.files import File, file_tool
from segments.activation.destinations.tools import Setting
from segments.activation.outcomes import Outcome

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _save(exchange: Exchange, file: File) -> None:
    """Write a file whole or not at all: readers never see a part of it."""
    chosen = exchange.settings["folder"]
    # Judged once more where it is used: what is stored may be older than the rule.
    if _fault_of_name(chosen):
        raise CallFailed(Outcome(None, "no_folder_name", is_general=True))
    folder = Path(settings.EXPORT_FOLDER) / chosen
    part = folder / f".{file.name}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        exchange.begin()
        with open(part, "wb", opener=_private) as output:
            output.write(file.content)
            output.flush()
            os.fsync(output.fileno())
        part.replace(folder / file.name)
    except OSError:
        raise CallFailed(Outcome(None, "not_written", is_general=True)) from None


def _fault_of_name(text: str) -> str:
    # A name and no path: a setting reaches nothing beside the folder that the operator chose.
    return "" if _NAME.fullmatch(text) else "A name of letters, digits, dots, _ and -, and no path."


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


TOOL = file_tool(
    key="folder",
    title=_("Files in a folder"),
    settings=(Setting(name="folder", label=_("Name of the folder"), fault_of=_fault_of_name),),
    save=_save,
)
