"""What a legal hold may name: the stores that declare how their rows are held, and kinds in them.

A kind is what rows of a store are told apart by: names of events, keys of sources and traits.
"""

from collections.abc import Collection, Mapping, Sequence

from profiles.registry import PersonalData, registry

Scope = Mapping[str, Sequence[str]]


class InvalidHold(ValueError):
    """A hold cannot be as it is stated; `path` says which part of it."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path


def holdable_stores() -> dict[str, PersonalData]:
    """Return the declarations whose rows a hold may keep, by the word that it names them by."""
    return {data.held_as: data for data in registry if data.held_as}


def checked_scope(scope: Scope) -> dict[str, list[str]]:
    """Return a scope with its stores and kinds in order. Raises InvalidHold."""
    known = holdable_stores()
    if not scope:
        raise InvalidHold("scope", "A hold names at least one store.")
    if unknown := sorted(scope.keys() - known.keys()):
        raise InvalidHold(f"scope.{unknown[0]}", f"Allowed are: {', '.join(sorted(known))}.")
    return {store: sorted(set(kinds)) for store, kinds in sorted(scope.items())}


def is_in_scope(scope: Scope, store: str, kind: str) -> bool:
    """Whether a hold with this scope keeps such a row."""
    kinds: Collection[str] | None = scope.get(store)
    return kinds is not None and (not kinds or kind in kinds)
