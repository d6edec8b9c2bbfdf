"""Taking deliveries to the address of a source.

Invariant: a delivery is answered 200 only once its messages are committed to the inbox.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from ingestion.catalogue.keep import keep_stated
from ingestion.inbox.accept import accept
from ingestion.inbox.body import batch_of
from ingestion.inbox.counts import count_dropped
from ingestion.models import Hook
from ingestion.presets.addresses import open_secret
from ingestion.presets.bounces import note_bounces, refuse_complained
from ingestion.presets.delivery import Delivery
from ingestion.presets.facts import FactMapping
from ingestion.presets.mapping import HookMessage, map_delivery
from ingestion.presets.orders import find_amounts, keep_amounts
from ingestion.presets.presets import (
    Answer,
    load_kinds,
    load_preset,
    load_products,
    parse_kinds,
)
from ingestion.presets.products import StatedProduct, map_product
from profiles.lib import exact_json
from profiles.models import TrustLevel
from profiles.services import Actor

TEST_DELIVERY, UNKNOWN_KIND, WRONG_PRODUCT = "test_delivery", "unknown_kind", "wrong_product"


def check_signature(hook: Hook, delivery: Delivery, *, now: datetime) -> None:
    """Check a delivery by the rule of its provider. Raises BadSignature."""
    load_preset(hook.preset).check(delivery, open_secret(hook), now)


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
    return make(delivery, open_secret(hook), now) if make else None


def answer_to_challenge(hook: Hook, parameters: Mapping[str, str], url: str) -> Answer | None:
    """Return the proof that the address is the source's, None where nothing was asked for."""
    make = load_preset(hook.preset).challenge
    return make(parameters, open_secret(hook), url) if make else None


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
