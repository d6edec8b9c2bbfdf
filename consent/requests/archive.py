"""What is held about a person, as he may see it: the archive of article 15, and the part of it that he may take away.

Invariant: it is read through the registry, so that no holding is forgotten; an archive is fetched once and then gone.
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
from django.db import transaction

from consent.ledger.states import current_states
from consent.models import AccessArchive, PrivacyRequest, Purpose, PurposeVersion
from consent.requests.subjects import Subject, set_apart
from profiles.models import Profile, Source, SourceRecord
from profiles.registry import FieldClass, Person, PersonalData, registry

RIGHTS = (
    "You may have wrong data corrected (article 16), have data erased (article 17), have processing restricted (article "
    "18), take away what you gave and what was observed of you (article 20), object to processing and to direct "
    "marketing at any time (article 21), withdraw a consent at any time (article 7), and complain to a supervisory "
    "authority (article 77)."
)
_PORTABLE = (FieldClass.GIVEN, FieldClass.OBSERVED)


class ArchiveGone(LookupError):
    """There is no archive, or it was fetched, or its time is over."""


def make_archive(request: PrivacyRequest, subject: Subject, *, now: datetime) -> AccessArchive:
    """Write the archive of an access or portability request, under the people lock."""
    held = [data_held(person, is_whole=subject.is_whole, at=now) for person in subject.people]
    portable = [_portable(profile) for profile in held]
    files: dict[str, Any] = {"portability.json": {"made_at": now, "profiles": portable}}
    if request.kind == PrivacyRequest.Kind.ACCESS:
        files["data.json"] = {"made_at": now, "profiles": [_shown(profile) for profile in held]}
        files["article15.json"] = article_15(subject, now=now)
    archive, _ = AccessArchive.objects.update_or_create(
        request=request,
        defaults={
            "content": _zipped(files),
            "expires_at": now + timedelta(days=settings.ACCESS_ARCHIVE_DAYS),
            "fetched_at": None,
        },
    )
    return archive


@transaction.atomic
def take_archive(request: PrivacyRequest, *, now: datetime) -> bytes:
    """Hand the archive out, once. Raises ArchiveGone."""
    archive = (
        AccessArchive.objects.select_for_update()
        .filter(request=request, fetched_at=None, expires_at__gt=now)
        .first()
    )
    if archive is None:
        raise ArchiveGone("The archive was fetched already, or its time is over.")
    content = bytes(archive.content)
    archive.content, archive.fetched_at = b"", now
    archive.save(update_fields=["content", "fetched_at"])
    return content


def data_held(person: Person, *, is_whole: bool, at: datetime) -> dict[str, Any]:
    """Everything held of one person, with (holding, rows) as sections; of a part of a profile, only what that part comes to.

    For a part the caller holds the people lock.
    """
    with _readable(person, is_whole) as profile_id:
        profile = Profile.objects.get(pk=profile_id)
        return {
            "id": person.profile_uuid if is_whole else None,
            "traits": profile.traits,
            "consents": current_states([profile_id], at=at)[profile_id],
            "sections": [
                (holding, list(holding.read([profile_id]).get(profile_id, ())))
                for holding in registry
                if holding.overrides("read")
            ],
        }


def data_shown(person: Person, *, is_whole: bool, at: datetime, most: int) -> dict[str, Any]:
    """What is held of one person, with the first rows of each section and how many there are."""
    held = _shown(data_held(person, is_whole=is_whole, at=at))
    sections = held["sections"]
    return {
        **held,
        "sections": {title: rows[:most] for title, rows in sections.items()},
        "counts": {title: len(rows) for title, rows in sections.items()},
    }


def article_15(subject: Subject, *, now: datetime) -> dict[str, Any]:
    """What article 15(1) has to say beside the data: purposes, categories, recipients, retention, sources, rights."""
    ids = subject.identifier_ids
    known = SourceRecord.objects.filter(identifier_id__in=ids).values("source_id")
    return {
        "made_at": now,
        "purposes": list(_purposes()),
        "sources": list(Source.objects.filter(pk__in=known).values("key", "name")),
        "rights": RIGHTS,
    }


@contextmanager
def _readable(person: Person, is_whole: bool) -> Iterator[int]:
    if is_whole:
        yield person.profile_id
    else:
        with set_apart(person) as profile_id:
            yield profile_id


def _purposes() -> Iterator[dict[str, Any]]:
    names = (
        *("title", "text", "legal_basis", "special_basis", "categories", "recipients", "retention"),
        *("is_direct_marketing", "is_profiling", "is_automated_decision", "transfer_countries"),
    )
    current = dict(Purpose.objects.values_list("pk", "current_version"))
    for version in PurposeVersion.objects.select_related("purpose").order_by("purpose__key"):
        if current[version.purpose_id] == version.number:
            yield {"key": version.purpose.key} | {name: getattr(version, name) for name in names}


def _shown(profile: Mapping[str, Any]) -> dict[str, Any]:
    titled = {holding.title: rows for holding, rows in profile["sections"]}
    return {**profile, "sections": titled}


def _portable(profile: Mapping[str, Any]) -> dict[str, Any]:
    """What the person gave and what was observed of him, and nothing that was concluded."""
    sections = {
        holding.title: [_portable_row(holding, row) for row in rows]
        for holding, rows in profile["sections"]
    }
    kept = {title: [row for row in rows if row] for title, rows in sections.items()}
    return {"id": profile["id"], "sections": {title: rows for title, rows in kept.items() if rows}}


def _portable_row(holding: PersonalData, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if holding.fields.get(name) in _PORTABLE}


def _zipped(files: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(files.items()):
            text = json.dumps(body, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            archive.writestr(name, text)
    return content.getvalue()
