"""Applying the enrichments of the settings to contexts and traits.

Invariant: an enrichment that fails concludes nothing; the message is stored all the same. Nothing
here asks a network or the database.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from ingestion.enrichment.base import INFERRED, NOTHING, TRAIT_PREFIX, Conclusions, Enrichment
from profiles.lib import exact_json
from profiles.lib.memory import remembered

logger = logging.getLogger(__name__)
Names = tuple[str, ...]


class Enrichments:
    """The enrichments of the settings, ready for a chunk of messages."""

    def __init__(self) -> None:
        self._names = tuple(settings.ENRICHMENTS)
        loaded = load_enrichments(self._names)
        self._timed = [each for each in loaded if _overrides(each, "from_event")]
        self._of_traits = [each for each in loaded if _overrides(each, "from_traits")]

    def context(self, context: str, timestamp: datetime, *, has_address: bool) -> str:
        """Return the text of a context with what is concluded from it under `inferred`.

        `has_address` says that its source keeps addresses.
        """
        text = _from_context(context, self._names, has_address)
        if not self._timed:
            return text
        content = exact_json.loads(text)
        for each in self._timed:
            concluded = _concluded(each.from_event, content, timestamp)
            content = _with(content, {**content.get(INFERRED, NOTHING), **concluded})
        return exact_json.dumps(content)

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """Return the traits that those of a message tell, and do not state themselves."""
        concluded: dict[str, Any] = {}
        for each in self._of_traits:
            for name, value in _concluded(each.from_traits, traits).items():
                concluded[f"{TRAIT_PREFIX}{name}"] = value
        return {name: value for name, value in concluded.items() if name not in traits}


@cache
def load_enrichments(names: Names) -> tuple[Enrichment, ...]:
    """Return the enrichments of these classes. Raises ImportError."""
    return tuple(import_string(name)() for name in names)


@remembered(maxsize=4096)
def _from_context(text: str, names: Names, has_address: bool) -> str:
    content = exact_json.loads(text)
    concluded: dict[str, Any] = {}
    for each in load_enrichments(names):
        if has_address or not each.reads_address:
            concluded |= _concluded(each.from_context, content)
    if not concluded and INFERRED not in content:
        return text
    return exact_json.dumps(_with(content, concluded))


def _with(content: Mapping[str, Any], concluded: Conclusions) -> dict[str, Any]:
    """Return a context with the conclusions alone under `inferred`."""
    kept = {name: value for name, value in content.items() if name != INFERRED}
    return {**kept, INFERRED: dict(concluded)} if concluded else kept


def _overrides(enrichment: Enrichment, name: str) -> bool:
    return getattr(type(enrichment), name) is not getattr(Enrichment, name)


def _concluded(conclude: Callable[..., Conclusions], *given: Any) -> Conclusions:
    try:
        return conclude(*given)
    except Exception as error:
        # The text of an error may hold what a person sent.
        logger.warning("An enrichment failed: %s", type(error).__name__)
        return NOTHING
