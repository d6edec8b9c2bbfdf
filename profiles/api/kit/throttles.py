"""The limits of doors that are open to programs, as REST framework asks for them."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import ApiKey

if TYPE_CHECKING:  # a circular import: the views load this module, which the settings name
    from rest_framework.views import APIView


def sender_of(request: HttpRequest | Request) -> str:
    """Return the network address that a request came from.

    Of the header that proxies append to, only the entries of our own `TRUSTED_PROXIES` are
    believed: a sender can write all that stand before.
    """
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    trusted = settings.TRUSTED_PROXIES
    own = str(request.META.get("REMOTE_ADDR", ""))
    return (hops[-trusted] if 0 < trusted <= len(hops) else "") or own


def refuse_more(throttle: Throttle, *subject: object) -> None:
    """Count one attempt. Raises Throttled, which is a 429 with `Retry-After`, beyond the limit."""
    if wait := seconds_to_wait(throttle, *subject):
        raise Throttled(wait)


class WaitingThrottle(BaseThrottle):
    """A throttle that knows how long a refused caller has to wait."""

    seconds = 0

    def wait(self) -> float:
        return self.seconds


class KeyThrottle(WaitingThrottle):
    """Limits the requests of one API key; a customer's session is limited by what it asks for."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        key: Any = request.auth
        self.seconds = seconds_to_wait(Throttle.API, key.pk) if isinstance(key, ApiKey) else 0
        return not self.seconds


class LinkThrottle(WaitingThrottle):
    """Limits the links that one sender requests and tries, whatever the address."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.seconds = seconds_to_wait(Throttle.LINK, sender_of(request))
        return not self.seconds
