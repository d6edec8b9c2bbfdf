"""The public services of all apps, and calls of them as an actor makes them."""

import inspect
from collections.abc import Callable
from typing import Any

import consent.services
import ingestion.services
import profiles.services
import segments.services
from profiles.services import Actor

SERVICES = (profiles.services, consent.services, ingestion.services, segments.services)


def public_functions() -> dict[str, Callable[..., Any]]:
    return {
        name: function
        for module in SERVICES
        for name in module.__all__
        if inspect.isfunction(function := getattr(module, name))
    }


def call(name: str, /, *args: Any, **fields: Any) -> Callable[[Actor], object]:
    return lambda actor: public_functions()[name](*args, actor=actor, **fields)


def call_after(prepare: Callable[[], object], name: str) -> Callable[[Actor], object]:
    prepare()
    return call(name)
