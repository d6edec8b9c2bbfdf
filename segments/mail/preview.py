"""A template as one person would read it, and the same as a mail to a member of staff.

Invariant: nothing here reaches the person: the way out is that of nobody.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from profiles.services import Actor, audited
from segments.mail.compose import Letter, letter_for, values_of
from segments.models import MailTemplate

_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)


def preview_mail(row: MailTemplate, traits: Mapping[str, Any], *, language: str = "") -> Letter:
    """Return what somebody with these traits would read, in a language or in theirs."""
    link = f"{settings.PUBLIC_URL.rstrip('/')}/privacy/"
    return letter_for(row.texts, row.markup, values_of(traits, link=link, language=language))


def in_scheme(html: str, *, is_dark: bool) -> str:
    """Return a page as it looks in the dark or in the light, whatever the reader's browser has."""
    # Conditions that always hold, and that never do.
    chosen, other = "(min-width: 0)", "(max-width: 0)"
    dark, light = (chosen, other) if is_dark else (other, chosen)
    return _SCHEME.sub(lambda match: dark if match[1].lower() == "dark" else light, html)


def send_test_mail(
    row: MailTemplate, traits: Mapping[str, Any], *, to: str, language: str, actor: Actor
) -> None:
    """Send a template to a member of staff. Raises OSError where the server does not take it."""
    letter = preview_mail(row, traits, language=language)
    with audited(actor, "mail_template.tested") as deed:
        deed.about("mail_template", row.key, language=[None, language])
        mail = EmailMultiAlternatives(f"[Test] {letter.subject}", letter.text, to=[to])
        mail.attach_alternative(letter.html, "text/html")
        mail.send()
