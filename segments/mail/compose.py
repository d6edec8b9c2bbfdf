"""One mail for one person, from a template's words.

Invariant: a value is escaped for the place where it stands: in HTML it is text, in an address it is
one part of a path or a query, and it never begins an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from django.conf import settings

from profiles.models import TraitDefinition
from segments.mail.content import Mark, Place
from segments.mail.fields import COMPANY, UNSUBSCRIBE, Values, code_texts, filled
from segments.mail.links import Lead, led_over
from segments.mail.texts import Markup, Words, compiled, stored_words


@dataclass(frozen=True, slots=True)
class Letter:
    """What one person reads: the subject, the page, and the same as plain text."""

    subject: str
    html: str
    text: str


def letter_for(
    texts: Mapping[str, Any], markup: str, values: Values, *, lead: Lead | None = None
) -> Letter:
    """Return the mail of stored texts in the language of the values, else in English.

    `lead` says over which addresses the links of the page lead; those of the text are plain.
    """
    words = stored_words(texts)
    language = values.language if values.language in words else "en"
    return fill_letter(words[language], Markup(markup), values, language, lead=lead)


def fill_letter(
    words: Words, markup: Markup, values: Values, language: str, *, lead: Lead | None = None
) -> Letter:
    """Return the mail that words make for the person of the values."""
    mail = compiled(words, markup, language)
    texts = {mark.word: _at_mark(mark, values) for mark in mail.marks}
    pages = {word: escape(text) for word, text in texts.items()}
    text = filled(words.text, values) if words.text else _with_values(mail.text, texts)
    led = led_over(mail.html, texts, lead) if lead else mail.html
    html = _with_values(led, pages)
    return Letter(filled(words.subject, values), html, with_link(text, values))


def _with_values(text: str, values: Mapping[str, str]) -> str:
    """Return a text with values in the places of words; in one pass, so that no value is read."""
    if not values:
        return text
    return re.sub("|".join(values), lambda match: values[match[0]], text)


def _at_mark(mark: Mark, values: Values) -> str:
    value = values.of(mark.name, mark.fallback)
    if mark.place is Place.ADDRESS and mark.name != UNSUBSCRIBE:
        return quote(value, safe="")
    return value


def with_link(text: str, values: Values) -> str:
    """Return a text that has the way out, which staff may have left out of their own."""
    link = values.texts.get(UNSUBSCRIBE, "")
    return text if not link or link in text else f"{text.rstrip()}\n\n-- \n{link}\n"


def day_traits() -> frozenset[str]:
    """Return the keys of the traits whose values are days."""
    rows = TraitDefinition.objects.filter(type=TraitDefinition.Type.DATE)
    return frozenset(rows.values_list("key", flat=True))


def values_of(
    traits: Mapping[str, object],
    *,
    link: str,
    language: str = "",
    codes: Mapping[str, str] | None = None,
) -> Values:
    """Return what fields say of somebody with these traits, in their language where it is known."""
    return Values(
        traits=traits,
        texts={COMPANY: settings.COMPANY_NAME, UNSUBSCRIBE: link, **code_texts(codes or {})},
        dates=day_traits(),
        language=language or language_of_traits(traits),
    )


def language_of_traits(traits: Mapping[str, object]) -> str:
    """Return the language that a person's traits name, as two letters; English where none."""
    named = str(traits.get("language") or traits.get("locale") or "")
    return named.partition("-")[0].partition("_")[0].lower() or "en"
