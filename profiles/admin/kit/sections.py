"""Sections of the profile page, which the apps above declare.

Invariant: a section is loaded only for users with its permission, with a constant number of
queries.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from profiles.admin.kit.masks import Mask
from profiles.models import Profile


class Link(NamedTuple):
    """A button at the top of the page."""

    title: str
    url: str
    icon: str


def no_links(request: HttpRequest, profile: Profile) -> list[Link]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page. `load` returns the context of its template.

    One that `is_lazy` comes by a request of its own, once the page is there.
    """

    key: str
    title: str | Promise
    icon: str
    template: str
    permission: str
    load: Callable[[HttpRequest, Profile, Mask], Mapping[str, Any]]
    links: Callable[[HttpRequest, Profile], list[Link]] = no_links
    order: int = 50
    is_lazy: bool = False


class RenderedSection(NamedTuple):
    """A section and its HTML, which is empty while it is still to come."""

    section: Section
    content: SafeString = SafeString("")


@dataclass(slots=True)
class Sections:
    """All declared sections, by key."""

    declared: dict[str, Section] = field(default_factory=dict)

    def declare(self, section: Section) -> None:
        self.declared[section.key] = section

    def visible(self, request: HttpRequest) -> list[Section]:
        """Return the sections that the user may see, in order."""
        ordered = sorted(self.declared.values(), key=lambda section: section.order)
        return [section for section in ordered if request.user.has_perm(section.permission)]

    def render(
        self, request: HttpRequest, profile: Profile, mask: Mask
    ) -> Iterator[RenderedSection]:
        """Yield the sections of the page."""
        for section in self.visible(request):
            if section.is_lazy:
                yield RenderedSection(section)
            else:
                yield RenderedSection(section, rendered(section, request, profile, mask))

    def one(self, key: str, request: HttpRequest) -> Section | None:
        """Return one section, if there is one with this key that the user may see."""
        section = self.declared.get(key)
        return section if section and request.user.has_perm(section.permission) else None


def rendered(section: Section, request: HttpRequest, profile: Profile, mask: Mask) -> SafeString:
    """Load a section and return its HTML."""
    context = {"profile": profile, "mask": mask, **section.load(request, profile, mask)}
    return render_to_string(section.template, context, request)


sections = Sections()
