"""Who may call the API: keys with scopes, denied by default.

Invariant: a view class without declared scopes does not import, and a method without a scope is refused.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from profiles.lib.credentials import digest_of
from profiles.models import ApiKey
from profiles.models.access import Scope

if TYPE_CHECKING:  # REST framework's views import this module, as their settings say.
    from rest_framework.views import APIView


class ServiceAccount:
    """The service behind an API key, where Django expects a user."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.pk = key.pk

    def __str__(self) -> str:
        return self.key.name


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: Request) -> tuple[ServiceAccount, ApiKey] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if len(words) != 2 or words[0].lower() != "bearer":
            return None
        key = ApiKey.objects.filter(digest=digest_of(words[1])).first()
        if key is None or not is_usable(key):
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        return ServiceAccount(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def is_usable(key: ApiKey) -> bool:
    """Neither revoked nor expired, now."""
    expired = key.expires_at is not None and key.expires_at <= timezone.now()
    return key.revoked_at is None and not expired


class HasDeclaredScope(BasePermission):
    """The key has the scope that the view declares for this method or action."""

    message = "The API key lacks the scope for this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        method = str(request.method)
        if not hasattr(view, method.lower()):
            raise MethodNotAllowed(method)
        return declared_scope(view, method) in request.auth.scopes


def sees_restricted(request: Request | HttpRequest) -> bool:
    """Whether the key may read people whose processing is restricted (article 18)."""
    key = getattr(request, "auth", None)
    return isinstance(key, ApiKey) and Scope.PRIVACY_ACT in key.scopes


def declared_scope(view: "APIView", method: str) -> Scope | None:
    """The scope that a view asks for: its action's, else its method's; None refuses everybody."""
    action_scopes: Mapping[str, Scope] = getattr(view, "action_scopes", {})
    if (action := getattr(view, "action", None)) in action_scopes:
        return action_scopes[str(action)]
    scopes: Mapping[str, Scope] = getattr(view, "scopes", {})
    return scopes.get("GET" if method in ("HEAD", "OPTIONS") else method)


class ScopedView:
    """Mixed into every API view: `scopes` by HTTP method, `action_scopes` where one action differs."""

    scopes: ClassVar[Mapping[str, Scope]]
    action_scopes: ClassVar[Mapping[str, Scope]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not getattr(cls, "scopes", None):
            raise TypeError(f"{cls.__name__} declares no scopes.")


class Problem(APIException):
    """A refusal with the paths of its faults: `errors` are {"path", "code", "detail"}."""

    status_code = 400
    default_detail = "The request was understood and refused."

    def __init__(
        self, errors: list[dict[str, str]], *, status: int = 400, detail: str | None = None
    ) -> None:
        super().__init__(detail or self.default_detail)
        self.status_code = status
        self.errors = errors


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the schema calls the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def actor_of(request: Request | HttpRequest) -> str:
    """Who acts, for logs: the key's name or the staff member's login."""
    return str(request.user)
