"""Reading all that is held about a person.

Invariant: everything is read through the registry, so that no model is forgotten.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent.ledger.states import current_states
from consent.requests.subjects import temporary_profile
from profiles.registry import Person, PersonalData, registry
from profiles.services import all_traits_of

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PersonCopy:
    """All that is held about one person. `id` is None where they have only a part of a profile."""

    id: str | None
    profile_id: int
    traits: Mapping[str, Any]
    consents: Mapping[str, Any]

    def sections(self) -> Iterator[tuple[PersonalData, Iterator[Row]]]:
        """Yield each declaration with its rows, which are read as they are consumed."""
        for data in registry:
            if data.overrides("read"):
                yield data, data.stream(self.profile_id)


@contextmanager
def copy_of(person: Person, *, is_whole: bool, at: datetime) -> Iterator[PersonCopy]:
    """Give what is held about one person, to be read inside the context.

    Where the person has only a part of a profile, the data are what that part alone comes to; the
    caller then holds the people lock.
    """
    with _profile_to_read(person, is_whole) as profile_id:
        yield PersonCopy(
            person.profile_uuid if is_whole else None,
            profile_id,
            all_traits_of(profile_id),
            current_states([profile_id], at=at)[profile_id],
        )


def preview_personal_data(
    person: Person, *, is_whole: bool, at: datetime, max_rows: int
) -> dict[str, Any]:
    """Return the data of one person with the first rows of each section, and their counts."""
    with copy_of(person, is_whole=is_whole, at=at) as copy:
        rows = {data.title: list(rows) for data, rows in copy.sections()}
        return {
            "id": copy.id,
            "traits": copy.traits,
            "consents": copy.consents,
            "sections": {title: held[:max_rows] for title, held in rows.items()},
            "counts": {title: len(held) for title, held in rows.items()},
        }


@contextmanager
def _profile_to_read(person: Person, is_whole: bool) -> Iterator[int]:
    if is_whole:
        yield person.profile_id
    else:
        with temporary_profile(person) as profile_id:
            yield profile_id
