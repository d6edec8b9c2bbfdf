"""Sections of the profile page that the apps above contribute: declared once, drawn in order.

Invariant: a section is loaded only for who has its permission, with a constant number of queries.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from profiles.admin.kit.masks import Mask
from profiles.models import Profile


class Link(NamedTuple):
    """A button in the head of the page."""

    title: str
    url: str
    icon: str


def no_links(request: HttpRequest, profile: Profile) -> list[Link]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the page: `load` gives the context of its template."""

    key: str
    title: str
    icon: str
    template: str
    permission: str
    load: Callable[[HttpRequest, Profile, Mask], Mapping[str, Any]]
    links: Callable[[HttpRequest, Profile], list[Link]] = no_links
    order: int = 50


class Drawn(NamedTuple):
    """A section as it stands on the page."""

    section: Section
    content: SafeString


@dataclass(slots=True)
class Sections:
    """All declarations, by key."""

    declared: dict[str, Section] = field(default_factory=dict)

    def declare(self, section: Section) -> None:
        self.declared[section.key] = section

    def visible(self, request: HttpRequest) -> list[Section]:
        found = sorted(self.declared.values(), key=lambda section: section.order)
        return [section for section in found if request.user.has_perm(section.permission)]

    def draw(self, request: HttpRequest, profile: Profile, mask: Mask) -> Iterator[Drawn]:
        for section in self.visible(request):
            context = {"profile": profile, "mask": mask, **section.load(request, profile, mask)}
            yield Drawn(section, render_to_string(section.template, context, request))


sections = Sections()
