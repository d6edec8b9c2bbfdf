"""Walks over all routes of the API, for tests of what is true of each."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

METHODS = ("get", "post", "put", "patch", "delete")
# Customers have a session from a mailed link instead of a key.
CUSTOMER_PATH = "/api/v1/privacy/me/"
OPEN_PATHS = {f"{CUSTOMER_PATH}{name}/" for name in ("link", "session", "confirmations")}


def routes(
    patterns: Any = None, prefix: str = "/", *, below: str = "/api/v1/"
) -> Iterator[tuple[str, Any]]:
    """Yield the address and the view of every route, with values filled in for parameters."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + _fill_parameters(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, address, below=below)
        elif isinstance(pattern, URLPattern) and address.startswith(below):
            yield address, pattern.callback


def _fill_parameters(pattern: str) -> str:
    filled = re.sub(r"<uuid:\w+>", str(uuid4()), pattern)
    filled = re.sub(r"<int:\w+>", "1", filled)
    filled = re.sub(r"\(\?P<\w+>[^)]*\)", "x", filled).strip("^$")
    return re.sub(r"<(?:\w+:)?\w+>", "x", filled)


def operations() -> Iterator[tuple[str, str, APIView]]:
    """Yield every (address, method, view) that exists."""
    for address, callback in routes():
        view = callback.cls(**callback.initkwargs)
        actions = getattr(callback, "actions", None)
        for method in METHODS:
            if actions and method in actions:
                view.action = actions[method]
                yield address, method, view
            elif not actions and hasattr(view, method):
                yield address, method, view


def operation_id(address: str, method: str) -> str:
    return f"{method.upper()} {re.sub(r'[0-9a-f-]{36}', 'ID', address)}"
