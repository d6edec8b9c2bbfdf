"""Whose data a statement of a trait is: that of the trait where it has one, else of its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from profiles.lib.calendar import time_of
from profiles.models import Party, Source, TraitDefinition


@dataclass(frozen=True, slots=True)
class Parties:
    """The sources that are not first party, by id, and the traits that say a party of their own."""

    by_source: Mapping[int, Party] = field(default_factory=dict)
    by_trait: Mapping[str, Party] = field(default_factory=dict)

    def of(self, trait: str, source_id: int) -> Party:
        """Return whose data it is that a source states of a trait."""
        return self.by_trait.get(trait) or self.by_source.get(source_id, Party.FIRST)

    def dated(
        self, record: Mapping[str, Sequence[Any]], source_id: int
    ) -> dict[str, dict[str, Any]]:
        """Return a record of a source as people read it.

        It has of each trait the value, the time that it is of, and whose data it is.
        """
        return {
            key: {"value": value, "at": time_of(at), "party": str(self.of(key, source_id))}
            for key, (value, at, *_) in record.items()
        }


def load_parties() -> Parties:
    """Load what says whose data statements are, in two queries."""
    sources = Source.objects.exclude(party=Party.FIRST).values_list("pk", "party")
    traits = TraitDefinition.objects.exclude(party="").values_list("key", "party")
    return Parties(
        {pk: Party(party) for pk, party in sources}, {key: Party(party) for key, party in traits}
    )
