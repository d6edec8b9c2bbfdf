"""The addresses to which shops and tools send: making, changing, replacing and removing one.

Invariant: of a token only its digest is stored, and of a secret only what a key of the installation
opens.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ValidationError

from ingestion.models import Hook
from ingestion.presets.facts import WrongMapping
from ingestion.presets.presets import load_preset, parse_kinds, preset_keys
from profiles.lib.credentials import digest_of, make_credential
from profiles.models import Source
from profiles.services import Actor, audited, create_source, differences, settings_of

KIND = "twh"  # so that a leaked address can be recognised: Tessera, webhook
OWN = "custom"


class UnknownPreset(LookupError):
    """No tool has this key."""


def register_hook(
    key: str,
    *,
    preset: str,
    secret: str,
    actor: Actor,
    name: str = "",
    kinds: Mapping[str, Any] | None = None,
) -> tuple[Source, str]:
    """Create a source with an address; return it with the token, which is not stored.

    `kinds` say what deliveries mean where the preset does not. Raises UnknownPreset, WrongMapping,
    and ValidationError on a key that is malformed or in use, or without the secret of a tool that
    signs, or with one that lacks a part.
    """
    if preset not in preset_keys():
        raise UnknownPreset(f"one of {', '.join(preset_keys())}")
    _check_secret(preset, secret)
    _check_kinds(preset, kinds or {})
    credential = make_credential(KIND)
    with audited(actor, "source.created") as deed:
        source = create_source(key, actor=actor, name=name, party=load_preset(preset).party)
        Hook.objects.create(
            source=source,
            preset=preset,
            prefix=credential.prefix,
            digest=credential.digest,
            sealed_secret=_box().encrypt(secret.encode()),
            kinds=dict(kinds or {}),
        )
        changes = differences({}, settings_of(source))
        deed.about("source", key, **changes, preset=[None, preset], hook=[None, credential.prefix])
    return source, credential.secret


def change_hook(
    hook: Hook,
    *,
    actor: Actor,
    kinds: Mapping[str, Any] | None = None,
    secret: str | None = None,
) -> None:
    """Change what deliveries mean from now on, or by which secret they are signed.

    Raises WrongMapping and ValidationError.
    """
    with audited(actor, "source.hook_changed") as deed:
        row = Hook.objects.select_for_update().get(pk=hook.pk)
        changes: dict[str, list[Any]] = {}
        if kinds is not None:
            _check_kinds(row.preset, kinds)
            changes = differences({"kinds": row.kinds}, {"kinds": kinds})
            row.kinds = dict(kinds)
        if secret is not None and secret != open_secret(row):
            _check_secret(row.preset, secret)
            changes["secret"] = [None, "replaced"]
            row.sealed_secret = _box().encrypt(secret.encode())
        if changes:
            row.save(update_fields=["kinds", "sealed_secret"])
            deed.about("source", row.source.key, **changes)


def replace_address(hook: Hook, *, actor: Actor) -> str:
    """Give a source another address; return its token. The former one is unknown from now on."""
    credential = make_credential(KIND)
    with audited(actor, "source.hook_replaced") as deed:
        row = Hook.objects.select_for_update().get(pk=hook.pk)
        deed.about("source", row.source.key, hook=[row.prefix, credential.prefix])
        row.prefix, row.digest = credential.prefix, credential.digest
        row.save(update_fields=["prefix", "digest"])
    return credential.secret


def delete_hook(hook: Hook, *, actor: Actor) -> None:
    """Take nothing more to an address. Its source stays, with what it said."""
    with audited(actor, "source.hook_deleted") as deed:
        row = Hook.objects.select_for_update().filter(pk=hook.pk).first()
        if row is not None:
            deed.about("source", row.source.key, hook=[row.prefix, None])
            row.delete()


def address_of(source: Source, token: str) -> str:
    """Return the path to which a tool sends."""
    return f"/hooks/{source.key}/{token}/"


def find_hook(source_key: str, token: str) -> Hook | None:
    """Return the hook of an address."""
    hooks = Hook.objects.select_related("source")
    return hooks.filter(source__key=source_key, digest=digest_of(token)).first()


def open_secret(hook: Hook) -> str:
    """Return the secret by which the tool signs."""
    return _box().decrypt(bytes(hook.sealed_secret)).decode()


def _check_secret(preset: str, secret: str) -> None:
    if not secret and load_preset(preset).is_signed:
        raise ValidationError({"secret": "The secret by which the tool signs is needed."})
    if fault := load_preset(preset).secret_fault(secret):
        raise ValidationError({"secret": fault})


def _check_kinds(preset: str, kinds: Mapping[str, Any]) -> None:
    if preset != OWN and kinds:
        raise WrongMapping("kinds", "none: what this tool sends has a mapping already")
    if preset == OWN and not kinds:
        raise WrongMapping("kinds", "one kind of delivery at least, such as *")
    parse_kinds(kinds)


def _box() -> Fernet:
    # The one key of the installation that never changes.
    key = settings.DEDUPLICATION_KEY.encode()
    derived = hmac.digest(key, b"secrets of webhooks", "sha256")
    return Fernet(base64.urlsafe_b64encode(derived))
