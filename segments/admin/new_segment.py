"""New segments that start from those who are in some segments and not in others."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from segments.memberships.figures import MAX_OVERLAPPING
from segments.models import Segment


def save_url(inside: Iterable[str], outside: Iterable[str]) -> str:
    """Return the address of a new segment of those who are in some segments and not in others."""
    query = urlencode({"in": list(inside), "out": sorted(outside)}, doseq=True)
    return f"{reverse('admin:segments_segment_add')}?{query}"


def initial_from(query: QueryDict) -> dict[str, Any]:
    """Return what the form of a new segment starts from by such an address, empty without one."""
    keys = [*query.getlist("in"), *query.getlist("out")][:MAX_OVERLAPPING]
    names = dict(Segment.objects.filter(key__in=keys).values_list("key", "name"))
    inside = [key for key in query.getlist("in") if key in names]
    outside = [key for key in query.getlist("out") if key in names]
    if not inside:
        return {}
    children = [_member_of(key) for key in inside]
    children += [{"type": "not", "child": _member_of(key)} for key in outside]
    name = " + ".join(names[key] for key in inside)
    # With many outside, their names would fill the line.
    name += f" − {names[outside[0]]}" if len(outside) == 1 else ""
    key = "-".join([*inside, *(["not", *outside] if len(outside) == 1 else [])])
    return {
        "name": name[:120],
        "key": key[:63],
        "definition": {"type": "and", "children": children},
    }


def _member_of(key: str) -> dict[str, Any]:
    return {"type": "segment", "key": key}
