"""The registry of personal data: one declaration per model that holds something about people.

Access, erasure, merges, the profile page and the system checks all read this one registry. Each app
declares its models in its `personal_data` module, which its AppConfig imports.

Invariant: every model of the four apps is declared here, with a class for each of its fields, or is
exempt with a reason (system checks `profiles.E001` to `E003`), and every table of the database is
one of the two (`profiles.E004`). What lies on many machines has the keys for it (`profiles.E005`
and `E006`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum, auto
from types import MappingProxyType
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Model

from profiles.lib.database import array_of


class FieldClass(StrEnum):
    """Whose a field's content is: access shows it, portability hands out some of it."""

    GIVEN = "given"  # the person said it: shown and portable
    OBSERVED = "observed"  # the person did it: shown and portable
    INFERRED = "inferred"  # concluded by us: shown, not portable
    TECHNICAL = "technical"  # keys and times of our own: not personal in themselves


class ErasurePhase(IntEnum):
    """When in an erasure a model's rows are deleted.

    Phases run in the order in which they stand here.
    """

    # First, under the slot locks: afterwards no refresh can let the person into a segment again.
    MEMBERSHIPS = auto()
    MEMBERSHIP_HISTORY = auto()
    # Copies of what came in, which name people only in their content.
    COPIES = auto()
    # What hangs on an identifier or a request.
    RECORDS = auto()
    # After their archives and log entries, which are found through them.
    REQUESTS = auto()
    # Recomputed from the events that are left.
    STATISTICS = auto()
    # What points at facts goes before the facts, and facts before the identifiers that they name.
    IDENTITY_EVIDENCE = auto()
    FACTS = auto()
    IDENTIFIERS = auto()
    # Folded again from what the remaining identifiers have.
    STATES = auto()
    QUEUES = auto()
    PROFILE = auto()
    # Wakes up what may be left of a profile that was erased in part.
    AFTERWARDS = auto()


@dataclass(frozen=True, slots=True)
class IdentifierMove:
    """One identifier going from one profile to another, in the transaction that moves it."""

    identifier_id: int
    origin: int
    target: int


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an erasure is about: the profile and its identifiers, also as `namespace:value`.

    `request_id` is that of the privacy request that is fulfilled, where it is one. `absorbed_ids`
    are the profiles that were merged into this one, None where nobody has looked yet.
    """

    profile_id: int
    profile_uuid: str
    identifier_ids: tuple[int, ...]
    references: tuple[str, ...]
    request_id: UUID | None = None
    absorbed_ids: tuple[int, ...] | None = None


Rows = Mapping[int, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """To whom data of a person went: `kind` is a word for how, `last_at` the last time."""

    name: str
    kind: str
    last_at: datetime


class Cleaner(Protocol):
    """Takes people who were erased out of JSON values."""

    def __call__(self, contents: Sequence[Any], /) -> Sequence[Any]:
        """Return each value without what stands for one of them; the same where nothing does."""
        ...

    def may_change(self, text: str, /) -> bool:
        """Whether a text, or the JSON that it is, may name anybody at all. Far cheaper."""
        ...


class PersonalData:
    """What one model holds about people.

    Subclasses state it by class attributes and override what applies to them.

    Every concrete field of `model` stands in exactly one of `given`, `observed`, `inferred` and
    `technical`. `portable_names` are names in the rows of `read` that are no field of the model and
    belong to what a person takes elsewhere. `phase` is required where `erase` is overridden. `kept`
    gives the reason why rows stay after an erasure, where they do. `spread` is the column by which
    the rows lie on many machines where the database is a cluster; without one they lie on the
    coordinator.
    """

    model: ClassVar[type[Model]]
    title: ClassVar[str]
    given: ClassVar[tuple[str, ...]] = ()
    observed: ClassVar[tuple[str, ...]] = ()
    inferred: ClassVar[tuple[str, ...]] = ()
    technical: ClassVar[tuple[str, ...]] = ()
    portable_names: ClassVar[tuple[str, ...]] = ()
    phase: ClassVar[ErasurePhase]
    kept: ClassVar[str] = ""
    spread: ClassVar[str] = ""
    # The word under which a plan of rules counts the rows of people who change; empty for none.
    counted_as: ClassVar[str] = ""
    # The word by which a legal hold names these rows, and the statement over %(profile)s and
    # %(identifiers)s that returns the kind and the content (JSON text) of those that an erasure of
    # the person would delete. Both empty where no hold keeps them.
    held_as: ClassVar[str] = ""
    held_rows: ClassVar[str] = ""
    # The days after which rows go by themselves, or the setting that has them; empty where rules of
    # retention or the life of the profile decide.
    lifetime: ClassVar[int | str] = ""
    # What these rows are called, where they are not all that the declaration is about.
    lifetime_of: ClassVar[str] = ""

    def read(self, profile_ids: Sequence[int]) -> Rows:
        """The rows of many profiles at once, as the person sees them and takes them away."""
        return {}

    def stream(self, profile_id: int) -> Iterator[Mapping[str, Any]]:
        """The rows of one profile, each read when it is due where there may be very many."""
        yield from self.read([profile_id]).get(profile_id, ())

    def disclosures(self, profile_id: int) -> Iterable[Disclosure]:
        """To whom data of the person went, by these rows."""
        return ()

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        """What a profile in the API shows of these rows, where that differs from `read`."""
        return self.read(profile_ids)

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        """Let rows follow identifiers from one profile to another."""

    def revouch(self, profile_ids: Collection[int]) -> None:
        """Called with profiles of which identifiers are vouched now, or are no longer."""

    def recognise(self, identifiers: Mapping[str, int]) -> None:
        """Called with the references that are about to be stored for the first time, and their ids.

        What is known of them stands from the first fact that names them.
        """

    def absorb(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Called with (survivor, absorbed) profiles once all identifiers have moved."""

    def erase(self, person: Person) -> int:
        """Delete what there is of a person; return the number of rows."""
        return 0

    def receivers(self, request_id: UUID) -> Mapping[str, int]:
        """How many receivers were to forget whom a request erased, and how many did, by words."""
        return {}

    def kept_out(self, references: Collection[str]) -> set[str]:
        """Those of the normalised references that nobody may bring in, since they were erased."""
        return set()

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        """Take people who were erased out of everybody's rows; return how many changed.

        What was received after `before` was cleaned when it came.
        """
        return 0

    def is_drained(self, moment: datetime) -> bool:
        """Whether every row that was accepted before this time has been applied."""
        return True

    @property
    def lifetime_days(self) -> int | None:
        """The days after which rows go by themselves."""
        if not self.lifetime:
            return None
        is_setting = isinstance(self.lifetime, str)
        return int(getattr(settings, str(self.lifetime)) if is_setting else self.lifetime)

    @property
    def lifetime_title(self) -> str:
        """What the rows are called that go by themselves."""
        return self.lifetime_of or self.title

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def fields(self) -> dict[str, FieldClass]:
        """Each field with its class."""
        return {
            **dict.fromkeys(self.given, FieldClass.GIVEN),
            **dict.fromkeys(self.observed, FieldClass.OBSERVED),
            **dict.fromkeys(self.inferred, FieldClass.INFERRED),
            **dict.fromkeys(self.technical, FieldClass.TECHNICAL),
        }

    @property
    def portable(self) -> frozenset[str]:
        """The names in its rows that a person takes elsewhere, as article 20 has it."""
        return frozenset((*self.given, *self.observed, *self.portable_names))

    def overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(PersonalData, method)


class Registry:
    """All declarations and exemptions by lower-case model label, in order of declaration."""

    def __init__(self) -> None:
        self._declarations: dict[str, PersonalData] = {}
        self.exemptions: dict[str, str] = {}
        self._exempt_spread: dict[str, str] = {}
        self.exempt_tables: dict[str, str] = {}

    def register(self, declaration: type[PersonalData]) -> type[PersonalData]:
        """A class decorator: from now on the model is shown, moved and erased as the class says."""
        self._declarations[declaration.model._meta.label_lower] = declaration()
        return declaration

    def exempt(
        self,
        reasons: Mapping[type[Model], str],
        *,
        spread: Mapping[type[Model], str] = MappingProxyType({}),
    ) -> None:
        """These models hold nothing about people, for the reason given with each.

        `spread` has the columns of those that grow like people all the same.
        """
        for model, reason in reasons.items():
            self.exemptions[model._meta.label_lower] = reason
        for model, column in spread.items():
            self._exempt_spread[model._meta.label_lower] = column

    @property
    def spread(self) -> dict[str, str]:
        """The column by which rows are spread over a cluster, by lower-case model label."""
        declared = {data.label.lower(): data.spread for data in self if data.spread}
        return declared | self._exempt_spread

    def exempt_foreign_tables(self, reasons: Mapping[str, str]) -> None:
        """Tables of other packages, by name: what is in them and how long it stays."""
        self.exempt_tables.update(reasons)

    def __iter__(self) -> Iterator[PersonalData]:
        return iter(self._declarations.values())

    def __getitem__(self, label: str) -> PersonalData:
        return self._declarations[label.lower()]

    def get(self, label: str) -> PersonalData | None:
        return self._declarations.get(label.lower())

    def follow(self, moves: Sequence[IdentifierMove], pairs: Sequence[tuple[int, int]]) -> None:
        """Move every app's rows with their identifiers, then those of absorbed profiles.

        What `profiles` itself derives, golden traits and statistics, is left to
        `profiles.derived.derive`.
        """
        if moves:
            for declaration in self:
                declaration.move(moves)
        if pairs:
            for declaration in self:
                declaration.absorb(pairs)

    def revouch(self, profile_ids: Collection[int]) -> None:
        """Tell every app that identifiers of these profiles are vouched now, or no longer."""
        if profile_ids:
            for declaration in self:
                declaration.revouch(profile_ids)

    def recognise(self, identifiers: Mapping[str, int]) -> None:
        """Tell every app which identifiers are new, before any fact about them is judged."""
        for declaration in self:
            declaration.recognise(identifiers)

    def count_rows(self, profile_ids: Sequence[int]) -> dict[str, int]:
        """Count the rows of profiles, by what they are called."""
        return {
            declaration.counted_as: declaration.model._default_manager.filter(
                profile_id__in=profile_ids
            ).count()
            for declaration in self
            if declaration.counted_as
        }

    def receivers(self, request_id: UUID) -> dict[str, int]:
        """How many receivers were to forget whom a request erased, and how many did."""
        counts: Counter[str] = Counter()
        for declaration in self:
            counts.update(declaration.receivers(request_id))
        return dict(sorted(counts.items()))

    def disclosures(self, profile_id: int) -> list[Disclosure]:
        """To whom data of a person went, in order of their names."""
        each = (disclosure for data in self for disclosure in data.disclosures(profile_id))
        return sorted(each, key=lambda disclosure: (disclosure.name, disclosure.kind))

    def kept_out(self, references: Collection[str]) -> set[str]:
        """Those of the normalised references that nobody may bring in. Under the people lock."""
        return set().union(*(declaration.kept_out(references) for declaration in self))

    def in_order_of_erasure(self) -> list[PersonalData]:
        """The declarations that erase something, in the order of their phases."""
        erasing = (declaration for declaration in self if declaration.overrides("erase"))
        return sorted(erasing, key=lambda declaration: declaration.phase)


registry = Registry()


def by_profile(
    rows: Iterable[Mapping[str, Any]],
    *,
    profile: str = "profile_id",
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Rows:
    """Group rows by the profile that they name under `profile`, and rename some fields."""
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        fields = {renamed.get(name, name): value for name, value in row.items() if name != profile}
        grouped[row[profile]].append(fields)
    return grouped


def execute_erasure(statement: str, person: Person) -> int:
    """Run a statement over %(profile)s and %(identifiers)s; return the number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {"profile": person.profile_id, "identifiers": list(person.identifier_ids)},
        )
        # psycopg says -1 where a statement counts no rows.
        return max(int(cursor.rowcount), 0)


def execute_moves(statement: str, moves: Sequence[IdentifierMove]) -> None:
    """Run a statement that re-attributes rows, over identifiers, origins and targets."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "identifiers": array_of(move.identifier_id for move in moves),
                "origins": array_of(move.origin for move in moves),
                "targets": array_of(move.target for move in moves),
            },
        )
