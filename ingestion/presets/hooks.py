"""Creating the address of a source, and taking deliveries to it.

Invariant: a delivery is answered 200 only once its messages are committed to the inbox.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from ingestion.catalogue.keep import keep_stated
from ingestion.inbox.accept import accept
from ingestion.inbox.body import batch_of
from ingestion.inbox.counts import count_dropped
from ingestion.models import Hook
from ingestion.presets.bounces import note_bounces, refuse_complained
from ingestion.presets.delivery import Delivery
from ingestion.presets.mapping import FactMapping, HookMessage, map_delivery
from ingestion.presets.orders import find_amounts, keep_amounts
from ingestion.presets.presets import (
    Answer,
    load_kinds,
    load_preset,
    load_products,
    parse_kinds,
    preset_keys,
)
from ingestion.presets.products import StatedProduct, map_product
from profiles.lib import exact_json
from profiles.lib.credentials import digest_of, make_credential
from profiles.models import Source, TrustLevel
from profiles.services import Actor, audited, create_source, differences, settings_of

KIND = "twh"  # so that a leaked address can be recognised: Tessera, webhook
TEST_DELIVERY, UNKNOWN_KIND, WRONG_PRODUCT = "test_delivery", "unknown_kind", "wrong_product"


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
    if not secret and load_preset(preset).is_signed:
        raise ValidationError({"secret": "The secret by which the tool signs is needed."})
    if fault := load_preset(preset).secret_fault(secret):
        raise ValidationError({"secret": fault})
    parse_kinds(kinds or {})
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


def change_kinds(hook: Hook, kinds: Mapping[str, Any], *, actor: Actor) -> None:
    """Change what deliveries mean from now on. Raises WrongMapping."""
    parse_kinds(kinds)
    with audited(actor, "source.mapped") as deed:
        row = Hook.objects.select_for_update().get(pk=hook.pk)
        deed.about("source", row.source.key, **differences({"kinds": row.kinds}, {"kinds": kinds}))
        row.kinds = dict(kinds)
        row.save(update_fields=["kinds"])


def find_hook(source_key: str, token: str) -> Hook | None:
    """Return the hook of an address."""
    hooks = Hook.objects.select_related("source")
    return hooks.filter(source__key=source_key, digest=digest_of(token)).first()


def check_signature(hook: Hook, delivery: Delivery, *, now: datetime) -> None:
    """Check a delivery by the rule of its provider. Raises BadSignature."""
    load_preset(hook.preset).check(delivery, _secret_of(hook), now)


def read_content(hook: Hook, delivery: Delivery, read: Callable[[], Any]) -> Any:
    """Return what a body says by the tool's own reader, else by `read`. Raises UnreadableJSON."""
    own = load_preset(hook.preset).read
    if own is None:
        return read()
    # Judged like JSON: what the database cannot store is replaced.
    return exact_json.read(exact_json.dump_bytes(own(delivery)))


def answer_to(hook: Hook, delivery: Delivery, *, now: datetime) -> Answer | None:
    """Return what the tool wants to read of a delivery that was taken, None if it does not care."""
    make = load_preset(hook.preset).answer
    return make(delivery, _secret_of(hook), now) if make else None


def answer_to_challenge(hook: Hook, parameters: Mapping[str, str], url: str) -> Answer | None:
    """Return the proof that the address is the source's, None where nothing was asked for."""
    make = load_preset(hook.preset).challenge
    return make(parameters, _secret_of(hook), url) if make else None


def is_tried_by_get(hook: Hook) -> bool:
    """Whether the tool tries the address by GET."""
    return load_preset(hook.preset).is_tried_by_get


def is_ping(hook: Hook, delivery: Delivery) -> bool:
    """Whether the tool only tries the address."""
    return load_preset(hook.preset).is_ping(delivery)


def take_delivery(hook: Hook, delivery: Delivery) -> int:
    """Put what a checked delivery means into the inbox; return how many messages that are.

    What is left out is counted by its reason.
    """
    preset = load_preset(hook.preset)
    kind = preset.kind_of(delivery)
    if product := load_products(hook.preset).get(kind):
        _keep_product(hook, map_product(product, delivery.content))
        return 0
    facts = facts_of(hook, kind)
    if facts is None:
        if kind not in preset.ignored:
            count_dropped({(hook.source_id, UNKNOWN_KIND): 1})
        return 0
    if preset.is_test(delivery.content):
        count_dropped({(hook.source_id, TEST_DELIVERY): 1})
        return 0
    mapped = map_delivery(
        hook.preset,
        facts,
        preset.content_of(delivery.content),
        partial(find_amounts, hook.source_id),
    )
    for reason in mapped.left_out:
        count_dropped({(hook.source_id, reason): 1})
    with transaction.atomic():
        for is_verified, trust in ((True, TrustLevel.SERVER), (False, TrustLevel.CLAIM)):
            _accept(hook, mapped.messages, trust, is_verified=is_verified)
        keep_amounts(hook.source_id, mapped.messages)
        note_bounces(mapped.messages)
    # After the inbox has it: this waits for the people lock, which accepting never does.
    refuse_complained(hook.source_id, mapped.messages)
    return len(mapped.messages)


def _keep_product(hook: Hook, product: StatedProduct) -> None:
    """Keep a product in the catalogue; one that the catalogue cannot keep is counted."""
    try:
        with transaction.atomic():
            # One after another: of two new ones at once the older could hold.
            Hook.objects.select_for_update().get(pk=hook.pk)
            keep_stated(product.fields, product.stated_at, actor=Actor.system("webhook"))
    except ValidationError:
        count_dropped({(hook.source_id, WRONG_PRODUCT): 1})


def facts_of(hook: Hook, kind: str) -> tuple[FactMapping, ...] | None:
    """Return what a kind of delivery means, None where nothing says it."""
    kinds = parse_kinds(hook.kinds) if hook.kinds else load_kinds(hook.preset)
    return kinds.get(kind) or kinds.get("*")


def _accept(
    hook: Hook, messages: list[HookMessage], trust: TrustLevel, *, is_verified: bool
) -> None:
    chosen = [each.content for each in messages if each.is_verified == is_verified]
    if chosen:
        accept(
            batch_of(exact_json.dump_bytes(content) for content in chosen),
            source_id=hook.source_id,
            trust=trust,
            message_count=len(chosen),
            is_opted_out=False,
        )


def _secret_of(hook: Hook) -> str:
    return _box().decrypt(bytes(hook.sealed_secret)).decode()


def _box() -> Fernet:
    # The one key of the installation that never changes.
    key = settings.DEDUPLICATION_KEY.encode()
    derived = hmac.digest(key, b"secrets of webhooks", "sha256")
    return Fernet(base64.urlsafe_b64encode(derived))
