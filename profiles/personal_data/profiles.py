"""The profiles themselves, and who changed or looked at them."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from profiles.identity import sql as identity_sql
from profiles.lib import sql as lib_sql
from profiles.models import (
    AuditBody,
    AuditEntry,
    Profile,
    ProfileChange,
    StaffRead,
)
from profiles.reading import reads_of
from profiles.registry import (
    Cleaner,
    ErasurePhase,
    Person,
    PersonalData,
    Rows,
    execute_erasure,
    registry,
)
from profiles.traces.sweep import sweep_audit
from profiles.traits.records import recompute_golden


@registry.register
class ProfileChangeData(PersonalData):
    model = ProfileChange
    title = "Changes to evaluate"
    spread = "profile_id"
    technical = ("id", "profile_id", "kind", "reference", "awaits_traits", "created_at")
    phase = ErasurePhase.QUEUES

    def erase(self, person: Person) -> int:
        return execute_erasure(lib_sql.DELETE_CHANGES, person)


@registry.register
class ProfileData(PersonalData):
    model = Profile
    title = "Profile"
    spread = "id"
    inferred = ("traits",)
    observed = ("first_seen_at", "last_seen_at")
    technical = ("id", "uuid", "is_restricted", "created_at")
    phase = ErasurePhase.PROFILE

    def erase(self, person: Person) -> int:
        if erased := execute_erasure(identity_sql.DELETE_EMPTY_PROFILE, person):
            return erased
        # Identifiers of somebody else are left: the golden traits are folded from their records.
        recompute_golden([person.profile_id])
        return 0


@registry.register
class AuditEntryData(PersonalData):
    model = AuditEntry
    title = "Who changed what"
    lifetime = "AUDIT_DAYS"
    technical = (
        "id",
        "at",
        "actor_kind",
        "actor_id",
        "verb",
        "object_type",
        "object_key",
        "changes",
    )
    kept = (
        "That and when somebody changed something (article 5(2)): without the person whom it was "
        "about, their values, and the reason."
    )


@registry.register
class StaffReadData(PersonalData):
    model = StaffRead
    title = "When the data were looked at"
    lifetime = "READ_LOG_DAYS"
    observed = ("at", "page", "depth")
    # Who it was is shown to staff: to the person it would be another person's data.
    technical = ("id", "actor", "person", "persons", "people")
    kept = "That a service read so many people at once: of the person an id that names nothing."
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return reads_of(profile_ids)

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}  # A profile that services ask for is about the person.

    def erase(self, person: Person) -> int:
        return StaffRead.objects.filter(person__in=person.identifier_ids).delete()[0]


@registry.register
class AuditBodyData(PersonalData):
    model = AuditBody
    title = "Whom changes were about, and why"
    technical = ("entry", "identifier", "object_key", "reason", "identifier_ids")
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        ids = list(person.identifier_ids)
        of_them = Q(identifier__in=ids) | Q(identifier_ids__overlap=ids)
        return AuditBody.objects.filter(of_them).delete()[0]

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_audit(clean)
