"""What of sensitive segments staff see who may not see contact data."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from profiles.admin.kit.formatting import number
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.services import Category
from segments.definitions.sensitivity import SMALL, load_sensitivity
from segments.models import MemberExport, Segment


def hiding_for(request: HttpRequest) -> Callable[[Segment], bool]:
    """Return whether members and counts of a segment are hidden from the user, as a function."""
    if request.user.has_perm(SEE_CONTACTS):
        return lambda segment: False
    return load_sensitivity().is_sensitive


def hiding_past_for(request: HttpRequest) -> Callable[[Segment], bool]:
    """The same for who came and went, which former definitions tell of too."""
    if request.user.has_perm(SEE_CONTACTS):
        return lambda segment: False
    return load_sensitivity().has_sensitive_past


def hiding_export_for(request: HttpRequest) -> Callable[[MemberExport], bool]:
    """The same for an export of a segment, of a list, or of whom a definition fits."""
    if request.user.has_perm(SEE_CONTACTS):
        return lambda export: False
    sensitivity = load_sensitivity()

    def is_hidden(export: MemberExport) -> bool:
        if export.segment is not None:
            return sensitivity.is_sensitive(export.segment)
        if export.list is not None:
            return export.list.is_sensitive
        return sensitivity.of(export.definition) != Category.ORDINARY

    return is_hidden


def require_visible(request: HttpRequest, segment: Segment) -> None:
    """Raise PermissionDenied if the segment's definition is masked for the user."""
    if hiding_for(request)(segment):
        raise PermissionDenied


def require_visible_version(request: HttpRequest, segment: Segment, number: int) -> None:
    """Raise PermissionDenied if a former definition of the segment is masked for the user."""
    if not request.user.has_perm(SEE_CONTACTS):
        version = segment.versions.filter(number=number).first()
        if load_sensitivity().is_any_sensitive(version):
            raise PermissionDenied


def shown_size(segment: Segment, *, is_hidden: bool) -> str:
    """Return the size as text; of a hidden segment no small one."""
    return f"< {SMALL}" if is_hidden and segment.size < SMALL else number(segment.size)
