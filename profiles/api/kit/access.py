"""Authentication by API key, and permission by the scopes of the key.

Invariant: access is denied by default. A view class without scopes fails at its definition, and a
method without a scope is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from profiles.api.kit.read_log import NAMING, note_answer
from profiles.api.kit.strict import StrictRequests
from profiles.audit import Actor
from profiles.lib.credentials import digest_of
from profiles.models import ApiKey
from profiles.models.access import Scope

if TYPE_CHECKING:  # a circular import: the views load this module, which the settings name
    from rest_framework.views import APIView


class ServiceAccount:
    """The service of an API key, in the place of Django's user."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.pk = key.pk
        self.actor = Actor.service(key)

    def __str__(self) -> str:
        return self.key.name


class ApiKeyAuthentication(BaseAuthentication):
    """Authentication by `Authorization: Bearer KEY`."""

    def authenticate(self, request: Request) -> tuple[ServiceAccount, ApiKey] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            # Without a bearer key the request is anonymous, and the permission refuses it.
            return None
        key = ApiKey.objects.filter(digest=digest_of(words[1])).first()
        if key is None or not is_usable(key):
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        return ServiceAccount(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def is_usable(key: ApiKey) -> bool:
    """Whether the key is neither revoked nor expired."""
    is_expired = key.expires_at is not None and key.expires_at <= timezone.now()
    return key.revoked_at is None and not is_expired


class HasDeclaredScope(BasePermission):
    """The key has the scope that the view declares for this method or action."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        method = str(request.method)
        # A method that the view lacks is a 405 for every key; it has no scope to check.
        if not hasattr(view, method.lower()):
            raise MethodNotAllowed(method)
        scope = declared_scope(view, method)
        # Read by REST framework after a refusal.
        self.message = f"The API key lacks the scope {scope}."
        if scope not in request.auth.scopes:
            return False
        self.message = "The API key is bound to purposes, and nothing here is read for one."
        is_gated = getattr(view, "action", None) in getattr(view, "gated_actions", ())
        return is_gated or not request.auth.purposes


def sees_restricted(request: Request | HttpRequest) -> bool:
    """Whether the key may read profiles whose processing is restricted (GDPR art. 18)."""
    key = getattr(request, "auth", None)
    return isinstance(key, ApiKey) and Scope.PRIVACY_ACT in key.scopes


def purposes_of(request: Request | HttpRequest) -> Sequence[str]:
    """Return the purposes that must be permitted of whoever the key reads; none for most keys."""
    key = getattr(request, "auth", None)
    return key.purposes if isinstance(key, ApiKey) else ()


def declared_scope(view: "APIView", method: str) -> Scope | None:
    """Return the scope that a view requires, or None, which refuses every key.

    The scope of a viewset's action goes before that of the method.
    """
    action_scopes: Mapping[str, Scope] = getattr(view, "action_scopes", {})
    if (action := getattr(view, "action", None)) in action_scopes:
        return action_scopes[str(action)]
    scopes: Mapping[str, Scope] = getattr(view, "scopes", {})
    return scopes.get("GET" if method in ("HEAD", "OPTIONS") else method)


class ScopedView(StrictRequests):
    """The base of every view of the API for services.

    `scopes` are by HTTP method, and `action_scopes` by action of a viewset where one differs.
    `filter_exemption` is the reason why a list has no filters. Under `naming_keys` answers name
    people by their public UUIDs. A key that is bound to purposes reaches the `gated_actions` alone.
    """

    scopes: ClassVar[Mapping[str, Scope]]
    action_scopes: ClassVar[Mapping[str, Scope]] = {}
    filter_exemption = ""
    gated_actions: ClassVar[frozenset[str]] = frozenset()
    naming_keys: ClassVar[frozenset[str]] = NAMING

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not getattr(cls, "scopes", None):
            raise TypeError(f"{cls.__name__} declares no scopes.")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Note whom the answer shows before it leaves."""
        base = cast("APIView", super())
        response = base.finalize_response(request, response, *args, **kwargs)
        scope = declared_scope(cast("APIView", self), str(request.method))
        note_answer(request, response, scope, naming=self.naming_keys, shown=self.shown_people())
        return response

    def shown_people(self) -> Iterable[str]:
        """Return the public UUIDs of people whom the answer shows without their ids."""
        # What lies below one profile is about the one in the address.
        uuid = cast("APIView", self).kwargs.get("uuid")
        return [str(uuid)] if uuid else []


# Spectacular's hook on subclasses has no types.
class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of API keys in the OpenAPI schema."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def actor_of(request: Request) -> Actor:
    """Return who acts by this request: the service of the API key, or the customer."""
    # ServiceAccount or Customer: the stubs know Django's users only.
    actor: Actor = cast("Any", request.user).actor
    return actor
