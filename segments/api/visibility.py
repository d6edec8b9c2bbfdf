"""What of segments an API key sees that may not read profiles.

A count of people by contact or special data is a question about somebody, so that it needs the
scope that reading people needs.
"""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from profiles.models import ApiKey
from profiles.models.access import Scope
from profiles.services import Category
from segments.definitions.sensitivity import SMALL, Sensitivity, load_sensitivity
from segments.models import Segment, SegmentVersion, StaticList

BY_NAME = "Naming people needs profiles:read, too: an answer tells whether somebody is here."
DESTINATION_REFUSAL = "A destination is sent what names people: it needs profiles:read, too."
REFUSAL = "The definition asks for contact or special data: profiles:read may count by them."


def may_count_people(request: Request | HttpRequest | None) -> bool:
    """Whether the key may see what sensitive definitions say."""
    key = getattr(request, "auth", None)
    return isinstance(key, ApiKey) and Scope.PROFILES_READ in key.scopes


def refuse_sensitive_definition(request: Request, definition: object) -> None:
    """Raise PermissionDenied if the definition is sensitive and the key may not read people."""
    if not may_count_people(request) and load_sensitivity().of(definition) != Category.ORDINARY:
        raise PermissionDenied(REFUSAL)


def refuse_sensitive_segment(request: Request, segment: Segment) -> None:
    """The same for the members and the history of a segment."""
    if not may_count_people(request) and load_sensitivity().is_sensitive(segment):
        raise PermissionDenied(REFUSAL)


def refuse_sensitive_list(request: Request, row: StaticList) -> None:
    """The same for who is on a list that such a definition filled."""
    if row.is_sensitive and not may_count_people(request):
        raise PermissionDenied(REFUSAL)


def refuse_sensitive_past(request: Request, segment: Segment) -> None:
    """Raise PermissionDenied if who came and went tells what the key may not read.

    Who entered while a sensitive definition was in force is who fitted it.
    """
    if not may_count_people(request) and load_sensitivity().has_sensitive_past(segment):
        raise PermissionDenied(REFUSAL)


def refuse_sensitive_keys(request: Request, keys: Iterable[str]) -> None:
    """Raise PermissionDenied if any segment with these keys is sensitive, as for one segment."""
    if not may_count_people(request):
        rows = Segment.objects.filter(key__in=keys).exclude(status=Segment.Status.ARCHIVED)
        if any(map(load_sensitivity().is_sensitive, rows)):
            raise PermissionDenied(REFUSAL)


def hide_sensitive_versions(request: Request, versions: Iterable[SegmentVersion]) -> None:
    """Mask what sensitive leaves of former definitions compare with, if the key may not see it.

    A segment that asks for nothing sensitive now may have done so.
    """
    if not may_count_people(request):
        sensitivity = load_sensitivity()
        for version in versions:
            version.definition = sensitivity.mask_operands(version.definition)


def masked_segment(
    fields: dict[str, Any], segment: Segment, sensitivity: Sensitivity
) -> dict[str, Any]:
    """Hide in a segment's answer what a key may not see that cannot read people."""
    if not sensitivity.is_sensitive(segment):
        return fields
    hidden: dict[str, Any] = {"definition": sensitivity.mask_operands(fields["definition"])}
    if "warnings" in fields:
        # They quote operands.
        hidden["warnings"] = []
    # A boundary is somebody's quantity.
    hidden["boundaries"] = []
    if segment.size < SMALL:
        hidden["size"] = f"< {SMALL}"
    return fields | hidden
