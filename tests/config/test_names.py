"""Names that Django makes of classes and attributes: what staff read of them is in French too."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten, label_for_field
from django.utils.translation import override

# The same in both languages.
SAME = {
    "",
    "API",
    "CSV",
    "English",
    "Français",
    "Global Privacy Control",
    "ID",
    "Parquet",
    "RFM",
    "SHA-256",
    "code",
    "condition",
    "contact",
    "date",
    "destination",
    "destinations",
    "e-mail",
    "export",
    "exports",
    "format",
    "import",
    "message",
    "page",
    "place",
    "rectification (article 16)",
    "segment",
    "segments",
    "service",
    "source",
    "sources",
    "suppression",
    "suppressions",
    "track",
    "type",
    "verdict",
    "version",
    "webhook",
    "webhooks",
}
OURS = ("profiles", "consent", "ingestion", "segments")
SITE = admin.site._registry


def texts_of(model: type) -> Iterator[str]:
    """Yield what the list and the page of a model say by themselves: names, choices, actions."""
    page = SITE[model]
    options = page.model._meta
    yield from (str(options.verbose_name), str(options.verbose_name_plural))
    names = {*page.list_display, *page.readonly_fields, *flatten(page.fields or ())}
    names |= set(flatten([part["fields"] for _, part in page.fieldsets or ()]))
    yield from (str(label_for_field(name, page.model, page)) for name in names)
    for field in options.fields:
        yield from (str(label) for value, label in field.flatchoices if value)
        if field.name in names:
            yield str(field.help_text)
    for action in page.actions or ():
        named = getattr(page, action) if isinstance(action, str) else action
        yield str(getattr(named, "short_description", ""))


@pytest.mark.parametrize(
    "model", [model for model in SITE if model._meta.app_label in OURS], ids=lambda m: m.__name__
)
def test_what_the_admin_names_by_itself_is_translated(model: type) -> None:
    with override("en-gb"):
        english = list(texts_of(model))
    with override("fr"):
        french = list(texts_of(model))
    both = zip(english, french, strict=True)
    assert {one for one, other in both if one == other} <= SAME
