"""Links by which a company's own site lets a customer who is logged in there use their rights here.

Invariant: who makes a link vouches for the customer, and is written down. The token is in the
answer alone; the link works once, for as long as a mailed one.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from consent.ledger.statements import UnknownProfile, find_identifier
from consent.models import MailedLink
from profiles.lib.credentials import digest_of
from profiles.lib.database import database_now
from profiles.models import Profile
from profiles.services import Actor, audited


@dataclass(frozen=True, slots=True)
class DeepLink:
    """The address of the customer's pages with a token in its fragment, and until when it works."""

    url: str
    token: str
    expires_at: datetime


def make_deep_link(reference: str, *, actor: Actor) -> DeepLink:
    """Return a link that opens the session of whoever has this identifier.

    The session reaches what a mailed link to this identifier would reach. Raises InvalidIdentifier,
    and UnknownProfile for nobody's.
    """
    identifier = find_identifier(reference)
    if identifier is None:
        raise UnknownProfile("Nobody has this identifier.")
    profile = Profile.objects.get(pk=identifier.profile_id)
    token, now = secrets.token_urlsafe(32), database_now()
    with audited(actor, "profile.link_made") as deed:
        link = MailedLink.objects.create(
            token_digest=digest_of(token),
            identifier_id=identifier.identifier_id,
            sent_at=now,
            expires_at=now + timedelta(minutes=settings.PRIVACY_LINK_MINUTES),
        )
        deed.about_person(profile)
    url = f"{settings.PUBLIC_URL.rstrip('/')}/privacy/#{token}"
    return DeepLink(url, token, link.expires_at)
