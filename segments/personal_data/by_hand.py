"""What people are chosen for by hand: lists, decisions about segments, and files."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from profiles.registry import (
    Cleaner,
    Disclosure,
    ErasurePhase,
    IdentifierMove,
    Person,
    PersonalData,
    Rows,
    by_profile,
    execute_erasure,
    execute_moves,
    registry,
)
from segments.exports import sql as exports_sql
from segments.exports.traces import sweep_exports
from segments.lists import sql as lists_sql
from segments.models import ExportedPerson, ListedPerson, MemberExport, Override
from segments.overrides import sql as overrides_sql
from segments.overrides.traces import sweep_reasons
from segments.personal_data.memberships import SEGMENT_NAMES


@registry.register
class ListedPersonData(PersonalData):
    model = ListedPerson
    title = "Lists"
    spread = "profile_id"
    inferred = ("added_at",)
    technical = ("profile", "list", "identifier")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            ListedPerson.objects.filter(profile_id__in=profile_ids)
            .order_by("list__key", "added_at")
            .values("profile_id", "list__key", "list__name", "added_at")
        )
        return by_profile(rows, renamed={"list__key": "key", "list__name": "name"})

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(lists_sql.MOVE_LISTED, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(lists_sql.ERASE_LISTED, person)


@registry.register
class ExportedPersonData(PersonalData):
    model = ExportedPerson
    title = "Files that were taken out"
    spread = "profile_id"
    inferred = ("written_at",)
    technical = ("profile", "export", "identifier")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        written = ExportedPerson.objects.filter(profile_id__in=profile_ids)
        rows = list(written.order_by("written_at").values("profile_id", "export_id", "written_at"))
        exports = _exports_of(row["export_id"] for row in rows)
        return by_profile(
            {
                "profile_id": row["profile_id"],
                "name": _name_of(export),
                "purpose": export.purpose.key,
                "written_at": row["written_at"],
            }
            for row in rows
            if (export := exports.get(row["export_id"]))
        )

    def disclosures(self, profile_id: int) -> Iterator[Disclosure]:
        """Exports of lists and of definitions that the person was written into."""
        rows = self.read([profile_id]).get(profile_id, ())
        last = {row["name"]: row["written_at"] for row in rows}
        return (Disclosure(name, "export", at) for name, at in last.items())

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(exports_sql.MOVE_WRITTEN, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(exports_sql.ERASE_WRITTEN, person)


@registry.register
class OverrideData(PersonalData):
    model = Override
    title = "Decisions about segments"
    spread = "profile_id"
    inferred = ("kind", "reason", "starts_at", "ends_at")
    technical = ("profile", "segment", "identifier", "actor")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Override.objects.filter(profile_id__in=profile_ids)
            .order_by("segment__key", "starts_at")
            .values(
                "profile_id",
                "segment__key",
                "segment__name",
                "kind",
                "reason",
                "starts_at",
                "ends_at",
            )
        )
        return by_profile(rows, renamed=SEGMENT_NAMES)

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(overrides_sql.MOVE_OVERRIDES, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(overrides_sql.ERASE_OVERRIDES, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_reasons(clean)


@registry.register
class MemberExportData(PersonalData):
    """What staff wrote may name somebody: why they exported people, and a definition."""

    model = MemberExport
    title = "Exports"
    technical = tuple(field.name for field in MemberExport._meta.concrete_fields)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_exports(clean)


def _exports_of(ids: Iterable[UUID]) -> dict[UUID, MemberExport]:
    """Return exports by id. They lie elsewhere than people, so they are read by themselves."""
    return MemberExport.objects.select_related("purpose").in_bulk(set(ids))


def _name_of(export: MemberExport) -> str:
    return export.name or _("A choice of people")
