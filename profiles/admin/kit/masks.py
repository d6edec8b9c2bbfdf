"""Masks, which hide contact data from staff who may not see it.

Invariant: all personal data in the admin passes through a mask, and the mask is closed unless the
user has the permission `profiles.view_contact_data`. A closed mask shows a trait only if staff
reviewed it as ordinary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from profiles.identity.engine import PROFILE
from profiles.models import TraitDefinition
from profiles.traits.revealing import HIDDEN, MAX_UNKNOWN_LENGTH, hide_revealing
from profiles.traits.sensitivity import TraitCategories, load_categories

PERMISSION = "profiles.view_contact_data"
NOTHING_REVIEWED = TraitCategories()


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask that is open and shows everything, or hides what names or reaches a person."""

    is_open: bool
    categories: TraitCategories = NOTHING_REVIEWED

    def identifier(self, namespace: str, value: str) -> str:
        """Hide an identifier but for its first letter; a public UUID reveals nothing."""
        return value if self.is_open or namespace == PROFILE else hide_text(value)

    def trait(self, key: str, value: Any) -> Any:
        """Hide a trait's value unless staff reviewed the trait as ordinary."""
        if self.is_open:
            return value
        return self._tree(value) if self.categories.is_shown(key) else hide_all(value)

    def tree(self, value: Any) -> Any:
        """Hide values in nested JSON, by their keys and wherever a text reveals somebody.

        Texts that nobody reviewed are cut.
        """
        return value if self.is_open else self._tree(value, MAX_UNKNOWN_LENGTH)

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self.trait(key, value) for key, value in traits.items()}

    def _tree(self, value: Any, max_length: int | None = None) -> Any:
        match value:
            case dict():
                return {
                    self._text(key, max_length): self._part(key, inner, max_length)
                    for key, inner in value.items()
                }
            case list():
                return [self._tree(inner, max_length) for inner in value]
            case str():
                return self._text(value, max_length)
            case _:
                return value

    def _part(self, key: str, value: Any, max_length: int | None) -> Any:
        """Hide one part of an event or message. Its traits are traits of the person."""
        if key == "traits" and isinstance(value, dict):
            return self.traits(value)
        if self.categories.of_part(key) != TraitDefinition.Category.ORDINARY:
            return hide_all(value)
        return self._tree(value, None if self.categories.is_part_shown(key) else max_length)

    def _text(self, text: str, max_length: int | None) -> str:
        plain = hide_revealing(text)
        is_long = max_length is not None and len(plain) > max_length
        return f"{plain[:max_length]}…" if is_long else plain


def mask_for(request: HttpRequest) -> Mask:
    """Return the user's mask, in one query at most."""
    if request.user.has_perm(PERMISSION):
        return Mask(is_open=True)
    return Mask(is_open=False, categories=load_categories())


def hide_text(text: str) -> str:
    # The first letter of a short text would reveal too much of it.
    return f"{text[:1]}{HIDDEN}" if len(text) > 3 else HIDDEN


def hide_all(value: Any) -> Any:
    """Return the same JSON with every text, number and truth value hidden."""
    match value:
        case dict():
            return {key: hide_all(inner) for key, inner in value.items()}
        case list():
            return [hide_all(inner) for inner in value]
        case None:
            return value
        case str():
            return hide_text(value)
        case _:
            return HIDDEN
