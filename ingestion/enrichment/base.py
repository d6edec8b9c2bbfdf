"""The hook: a class that concludes something from a message.

Invariant: what is concluded never stands in the place of what was sent. Of a context it stands
under `inferred`, where nothing that was sent is kept; as a trait its name begins with `inferred_`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

Conclusions = Mapping[str, Any]
NOTHING: Conclusions = {}
INFERRED = "inferred"
TRAIT_PREFIX = "inferred_"


class Enrichment:
    """The base of all. Override what it concludes from; the same input gives the same output.

    `from_context` is remembered by the context, which many messages have alike; `from_event` is
    called for each event. `reads_address` is true where it reads `ip`: it is then given only the
    contexts of sources whose address is kept. None may wait for a network.
    """

    reads_address: ClassVar[bool] = False

    def from_context(self, context: Mapping[str, Any]) -> Conclusions:
        """Return what is concluded from a context, by name."""
        return NOTHING

    def from_event(self, context: Mapping[str, Any], timestamp: datetime) -> Conclusions:
        """Return what is concluded from an event's context, conclusions included, and time."""
        return NOTHING

    def from_traits(self, traits: Mapping[str, Any]) -> Conclusions:
        """Return traits that are concluded from traits, by name without the prefix."""
        return NOTHING
