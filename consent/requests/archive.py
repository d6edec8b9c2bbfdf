"""Collecting the personal data of a subject: the archive of article 15 and its portable part.

Invariant: everything is read through the registry, so that no model is forgotten. An archive can
be fetched once.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from consent.ledger.states import current_states
from consent.models import AccessArchive, PrivacyRequest, Purpose, PurposeVersion
from consent.requests.subjects import Subject, temporary_profile
from profiles.models import Profile, Source, SourceRecord
from profiles.registry import FieldClass, Person, PersonalData, registry
from profiles.services import Actor, audited, trait_origins

RIGHTS = (
    "You may have wrong data corrected (article 16), have data erased (article 17), have "
    "processing restricted (article 18), take away what you gave and what was observed of you "
    "(article 20), object to processing and to direct marketing at any time (article 21), "
    "withdraw a consent at any time (article 7), and complain to a supervisory authority "
    "(article 77)."
)
# Article 20(1) covers data that the person provided. Observed data count (WP 242), inferred do not.
_PORTABLE = (FieldClass.GIVEN, FieldClass.OBSERVED)
_PURPOSE_FIELDS = (
    "title",
    "text",
    "legal_basis",
    "special_basis",
    "categories",
    "recipients",
    "retention",
    "is_direct_marketing",
    "is_profiling",
    "is_automated_decision",
    "transfer_countries",
)


class ArchiveGone(LookupError):
    """There is no archive, or it was fetched, or it has expired."""


def make_archive(request: PrivacyRequest, subject: Subject, *, now: datetime) -> AccessArchive:
    """Write the archive of an access or portability request. The caller holds the people lock."""
    profiles = [
        collect_personal_data(person, is_whole=subject.is_whole, at=now)
        for person in subject.people
    ]
    portable = [_portable_part(profile) for profile in profiles]
    files: dict[str, Any] = {"portability.json": {"made_at": now, "profiles": portable}}
    if request.kind == PrivacyRequest.Kind.ACCESS:
        files["data.json"] = {
            "made_at": now,
            "profiles": [_with_titled_sections(profile) for profile in profiles],
        }
        files["article15.json"] = article_15_information(subject, now=now)
    archive, _ = AccessArchive.objects.update_or_create(
        request=request,
        defaults={
            "content": _zip_as_json(files),
            "expires_at": now + timedelta(days=settings.ACCESS_ARCHIVE_DAYS),
            "fetched_at": None,
        },
    )
    return archive


def take_archive(request: PrivacyRequest, *, actor: Actor, now: datetime) -> bytes:
    """Return the ZIP file of a request and delete it. Raises ArchiveGone."""
    with audited(actor, "privacy_request.archive_fetched") as deed:
        deed.about("privacy_request", request.pk)
        return _take_content(request, now)


def _take_content(request: PrivacyRequest, now: datetime) -> bytes:
    archive = (
        AccessArchive.objects.select_for_update()
        .filter(request=request, fetched_at=None, expires_at__gt=now)
        .first()
    )
    if archive is None:
        raise ArchiveGone("The archive was fetched already, or its time is over.")
    content = bytes(archive.content)
    # The row stays, so that staff can see when it was fetched.
    archive.content, archive.fetched_at = b"", now
    archive.save(update_fields=["content", "fetched_at"])
    return content


def collect_personal_data(person: Person, *, is_whole: bool, at: datetime) -> dict[str, Any]:
    """Return all data of one person: id, traits, consents, and sections of (declaration, rows).

    Where the person has only a part of a profile, the data are what that part alone comes to; the
    caller then holds the people lock.
    """
    with _profile_to_read(person, is_whole) as profile_id:
        profile = Profile.objects.get(pk=profile_id)
        return {
            "id": person.profile_uuid if is_whole else None,
            "traits": profile.traits,
            "consents": current_states([profile_id], at=at)[profile_id],
            "sections": [
                (data, list(data.read([profile_id]).get(profile_id, ())))
                for data in registry
                if data.overrides("read")
            ],
        }


def preview_personal_data(
    person: Person, *, is_whole: bool, at: datetime, max_rows: int
) -> dict[str, Any]:
    """Return the data of one person with the first rows of each section, and their counts."""
    profile = _with_titled_sections(collect_personal_data(person, is_whole=is_whole, at=at))
    sections = profile["sections"]
    return {
        **profile,
        "sections": {title: rows[:max_rows] for title, rows in sections.items()},
        "counts": {title: len(rows) for title, rows in sections.items()},
    }


def article_15_information(subject: Subject, *, now: datetime) -> dict[str, Any]:
    """Return what article 15(1) demands beside the data: purposes, sources and rights."""
    sources = SourceRecord.objects.filter(identifier_id__in=subject.identifier_ids)
    return {
        "made_at": now,
        "purposes": list(_current_purposes()),
        "sources": list(
            Source.objects.filter(pk__in=sources.values("source_id")).values("key", "name")
        ),
        "rights": RIGHTS,
    }


@contextmanager
def _profile_to_read(person: Person, is_whole: bool) -> Iterator[int]:
    if is_whole:
        yield person.profile_id
    else:
        with temporary_profile(person) as profile_id:
            yield profile_id


def _current_purposes() -> Iterator[dict[str, Any]]:
    current = dict(Purpose.objects.values_list("pk", "current_version"))
    for version in PurposeVersion.objects.select_related("purpose").order_by("purpose__key"):
        if current[version.purpose_id] == version.number:
            yield {"key": version.purpose.key} | {
                name: getattr(version, name) for name in _PURPOSE_FIELDS
            }


def _with_titled_sections(profile: Mapping[str, Any]) -> dict[str, Any]:
    titled = {data.title: rows for data, rows in profile["sections"]}
    return {**profile, "sections": titled}


def _portable_part(profile: Mapping[str, Any]) -> dict[str, Any]:
    sections = {
        data.title: [_portable_row(data, row) for row in rows] for data, rows in profile["sections"]
    }
    filled = {title: [row for row in rows if row] for title, rows in sections.items()}
    return {
        "id": profile["id"],
        "sections": {title: rows for title, rows in filled.items() if rows},
    }


def _portable_row(data: PersonalData, row: Mapping[str, Any]) -> dict[str, Any]:
    portable = {name: value for name, value in row.items() if data.fields.get(name) in _PORTABLE}
    if data.model is SourceRecord:
        # What a source says is many traits, each with an origin of its own.
        portable["traits"] = _portable_traits(row["traits"])
    return portable


def _portable_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    origins = trait_origins(traits)
    return {key: value for key, value in traits.items() if origins[key] in _PORTABLE}


def _zip_as_json(files: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(files.items()):
            text = json.dumps(body, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            archive.writestr(name, text)
    return content.getvalue()
