"""What tools that keep contacts by their addresses have in common. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def prepare_contact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the address as tools compare it, without one that is none."""
    email = fields.get("email")
    text = email.strip().lower() if isinstance(email, str) else ""
    rest = {name: value for name, value in fields.items() if name != "email"}
    return {"email": text, **rest} if _EMAIL.fullmatch(text) else rest


def others(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields beside the address."""
    return {name: value for name, value in fields.items() if name != "email"}


def as_text(value: Any) -> Any:
    """Return a list as a text with semicolons, and the rest as it is."""
    return ";".join(map(str, value)) if isinstance(value, list) else value
