"""Actions on chosen people in the list of profiles, which the apps above declare.

Invariant: an action is offered only to users with its permission.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from profiles.models import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAction:
    """What can be done with the people who are chosen; `run` answers with where it goes on."""

    key: str
    title: str | Promise
    permission: str
    run: Callable[[HttpRequest, QuerySet[Profile]], HttpResponse]


@dataclass(slots=True)
class ListActions:
    """All declared actions, by key."""

    declared: dict[str, ListAction] = field(default_factory=dict)

    def declare(self, action: ListAction) -> None:
        self.declared[action.key] = action

    def offered(self, request: HttpRequest) -> dict[str, tuple[Any, str, Any]]:
        """Return the actions that the user may take, as the admin wants them."""
        return {
            action.key: (_as_admin_action(action), action.key, action.title)
            for action in self.declared.values()
            if request.user.has_perm(action.permission)
        }


def _as_admin_action(action: ListAction) -> Callable[[Any, HttpRequest, Any], HttpResponse]:
    def run(model_admin: Any, request: HttpRequest, chosen: QuerySet[Profile]) -> HttpResponse:
        return action.run(request, chosen)

    return run


list_actions = ListActions()
