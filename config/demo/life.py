"""A customer's life with the store, played from the first order to the return after an erasure.

Invariant: nothing of it stays. It happens in one transaction that is rolled back, with purposes and
a customer of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.core import mail
from django.db import transaction
from django.test.utils import override_settings

from consent.models import LegalBasis, Method, PrivacyRequest, State
from consent.services import (
    ConsentStatement,
    NewOptIn,
    NewRequest,
    PurposeTerms,
    act_on_requests,
    confirm,
    define_purpose,
    find_subscription,
    may_process,
    open_request,
    record_statement,
    request_opt_in,
    send_confirmations,
    unsubscribe,
    unsubscribe_links,
)
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.lib.database import database_now
from profiles.models import Identifier, Source, TrustLevel
from profiles.services import CUSTOMER, Actor

ACTOR = Actor.system("play_customer")
_LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
_TERMS = {
    "newsletter": PurposeTerms(
        title="Newsletter",
        text="We write about what is new.",
        legal_basis=LegalBasis.CONSENT,
        is_direct_marketing=True,
        validity="P13M",
    ),
    "offers": PurposeTerms(
        title="Offers",
        text="We write about what is like what you bought.",
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        is_direct_marketing=True,
    ),
    "orders": PurposeTerms(
        title="Orders",
        text="We deliver what you order.",
        legal_basis=LegalBasis.CONTRACT,
    ),
}


class Moment(NamedTuple):
    """What happened, and what the gate says then by purpose; None: the store knows nobody."""

    event: str
    permitted: dict[str, bool | None]


class CustomerLife:
    """One customer, whose names nobody else has."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:12]
        self.user_id, self.email = f"play-{tag}", f"play-{tag}@example.org"
        self._purposes = {name: f"play-{name}-{tag}" for name in _TERMS}
        self._source = Source.objects.create(key=f"play-{tag}", name="Play")
        for name, terms in _TERMS.items():
            key = self._purposes[name]
            define_purpose(key=key, terms=terms, actor=ACTOR, now=database_now())

    def moments(self) -> Iterator[Moment]:
        """Live through it, and yield what the gate says after each step."""
        for event, step in self._steps():
            step()
            yield Moment(event, self._permitted())

    def _steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "orders in the shop", self._order
        yield "signs up for the newsletter and confirms by mail", self._sign_up
        yield "unsubscribes with one click", self._unsubscribe
        yield "permits the newsletter again", self._permit
        yield "asks what is held (access)", lambda: self._ask("access")
        yield "corrects their city", lambda: self._ask("rectification", changes={"city": "Lyon"})
        yield "objects to marketing", lambda: self._ask("objection")
        yield "restricts the processing", lambda: self._ask("restriction")
        yield "has everything erased", lambda: self._ask("erasure")
        yield "is imported again by the shop", self._order
        yield "signs up again and confirms by mail", self._sign_up

    def _order(self) -> None:
        message = {
            "type": "track",
            "userId": self.user_id,
            "event": "Order Completed",
            "properties": {"revenue": 19.99},
            "context": {"traits": {"email": self.email, "city": "Paris"}},
        }
        accept(
            InboxBody("", json.dumps({"batch": [message]}).encode()),
            source_id=self._source.pk,
            trust=TrustLevel.SERVER,
            message_count=1,
            is_opted_out=False,
        )
        drain_inbox()

    def _sign_up(self) -> None:
        opt_in = NewOptIn(email=self.email, purposes=[self._purposes["newsletter"]])
        request_opt_in(opt_in, actor=CUSTOMER)
        with override_settings(EMAIL_BACKEND=_LOCMEM):
            # The mail stays in this process, since nobody has the address.
            send_confirmations()
        code = str(mail.outbox[-1].body).split("#")[1].split()[0]
        confirm(code, actor=CUSTOMER)

    def _unsubscribe(self) -> None:
        [link] = unsubscribe_links(self._purposes["newsletter"], [f"email:{self.email}"])
        subscription = find_subscription(str(link).rstrip("/").rpartition("/")[2])
        assert subscription is not None  # noqa: S101  (the link was made a line above)
        unsubscribe(subscription, place="play")

    def _permit(self) -> None:
        statement = ConsentStatement(
            reference=f"email:{self.email}",
            purpose=self._purposes["newsletter"],
            state=State.GIVEN,
            method=Method.CHECKBOX,
        )
        record_statement(statement, actor=ACTOR)

    def _ask(self, kind: str, **fields: Any) -> None:
        request = NewRequest(
            kind=kind, references=(f"user_id:{self.user_id}",), reason="asked for it", **fields
        )
        open_request(request, door=PrivacyRequest.Door.SERVICE, actor=ACTOR)
        act_on_requests()

    def _permitted(self) -> dict[str, bool | None]:
        names = (("user_id", self.user_id), ("email", self.email))
        holders = [
            Identifier.objects.filter(namespace=namespace, value=value, profile__isnull=False)
            for namespace, value in names
        ]
        profile = next((row.profile_id for rows in holders for row in rows), None)
        now = database_now()
        return {
            name: None if profile is None else may_process(profile, key, at=now)
            for name, key in self._purposes.items()
        }


@contextmanager
def played_life() -> Iterator[CustomerLife]:
    """Give a customer whose life leaves nothing behind."""
    with transaction.atomic():
        yield CustomerLife()
        transaction.set_rollback(True)
