"""Files that people write, in JSON or YAML."""

from contextlib import suppress
from typing import Any

import msgspec
import yaml


class NotADocument(ValueError):
    """A text is neither JSON nor YAML; `line` is where, from 1, if that is known."""

    def __init__(self, line: int | None) -> None:
        place = f" in line {line}" if line else ""
        super().__init__(f"The file is neither JSON nor YAML{place}.")


def read_document(text: str | bytes) -> Any:
    """Return what is in a text of JSON or YAML. Raises NotADocument."""
    with suppress(ValueError, RecursionError):
        # Nearly all JSON is YAML, too, but YAML reads 1e3 and the halves of an emoji as texts.
        return msgspec.json.decode(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotADocument(mark.line + 1 if mark else None) from None
    except Exception:
        # Of a word that only looks like a number or a date (2026-13-45), and of too deep nesting,
        # PyYAML lets through whatever Python raised: ValueError, KeyError, RecursionError and more.
        raise NotADocument(None) from None
