"""Making, changing and deleting mail templates.

Invariant: what is saved has no fault, and each change is a version that never changes again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from consent.models import Purpose
from profiles.models import Source, TraitDefinition
from profiles.services import Actor, audited, create_source, differences
from segments.definitions.save import SegmentError
from segments.language.operands import DefinitionError, Fault
from segments.lib.nearest import nearest
from segments.mail.fields import pools_in, traits_in
from segments.mail.texts import Markup, Words, as_json, read_texts
from segments.models import (
    Automation,
    AutomationRun,
    AutomationVersion,
    CodePool,
    MailTemplate,
    MailTemplateVersion,
)

TYPE = "mail_template"
# The source of clicks on links of mails.
CLICKS_SOURCE = "mail"
# What people are called in the templates that are ready, also in a store that has met nobody yet.
USUAL_TRAITS = ("first_name", "last_name")


def create_mail_template(
    *,
    key: str,
    name: str,
    texts: Mapping[str, Any],
    markup: str = Markup.HOUSE,
    click_purpose: Purpose | None = None,
    actor: Actor,
) -> MailTemplate:
    """Save a new template. Raises DefinitionError, and SegmentError where the key is taken."""
    words = _checked(texts, markup)
    with audited(actor, "mail_template.created") as deed:
        if MailTemplate.objects.filter(key=key).exists():
            raise SegmentError("key", "There is a mail template with this key.")
        row = MailTemplate.objects.create(
            key=key, name=name, markup=markup, texts=as_json(words), click_purpose=click_purpose
        )
        _make_source(row, actor)
        _keep_version(row, actor)
        deed.about(TYPE, key, **differences({}, _audited_state(row)))
        return row


def update_mail_template(
    row: MailTemplate, *, actor: Actor, changes: Mapping[str, Any]
) -> MailTemplate:
    """Change a template; what it says anew is a new version. Raises DefinitionError."""
    with audited(actor, "mail_template.changed") as deed:
        row = MailTemplate.objects.select_for_update().get(pk=row.pk)
        before = _audited_state(row)
        row.name = changes.get("name", row.name)
        row.markup = changes.get("markup", row.markup)
        row.click_purpose = changes.get("click_purpose", row.click_purpose)
        row.texts = as_json(_checked(changes.get("texts", row.texts), row.markup))
        after = _audited_state(row)
        if (before["markup"], before["texts"]) != (after["markup"], after["texts"]):
            row.version += 1
            _keep_version(row, actor)
        row.save()
        _make_source(row, actor)
        deed.about(TYPE, row.key, **differences(before, _audited_state(row)))
        return row


def delete_mail_template(row: MailTemplate, *, actor: Actor) -> None:
    """Delete a template with its versions. Raises SegmentError where an automation sends it."""
    with audited(actor, "mail_template.deleted") as deed:
        row = MailTemplate.objects.select_for_update().get(pk=row.pk)
        if keys := automations_sending(row.key):
            raise SegmentError("key", f"Automations send it: {', '.join(keys)}.")
        deed.about(TYPE, row.key, **differences(_audited_state(row), {}))
        row.delete()


def automations_sending(key: str) -> list[str]:
    """Return the keys of the automations that send a template: as saved, or to who is under way."""
    under_way = AutomationRun.objects.filter(
        automation=OuterRef("automation"), version=OuterRef("number"), state="active"
    )
    versions = AutomationVersion.objects.filter(templates__has_key=key)
    published = versions.filter(
        Q(automation__version=F("number"), automation__status__in=("live", "paused"))
        | Exists(under_way)
    )
    saved = Automation.objects.exclude(status=Automation.Status.ARCHIVED)
    keys = {row.key for row in saved if _sends(row.definition, key)}
    return sorted(keys | set(published.values_list("automation__key", flat=True)))


def _sends(part: Any, key: str) -> bool:
    """Whether a step in the JSON of an automation sends a template."""
    match part:
        case {"type": "mail", "template": template}:
            return bool(template == key)
        case dict():
            return any(_sends(inner, key) for inner in part.values())
        case list():
            return any(_sends(inner, key) for inner in part)
        case _:
            return False


def version_of(key: str, number: int | None) -> MailTemplateVersion | None:
    """Return a version of a template; the last one where no number is known."""
    rows = MailTemplateVersion.objects.filter(template__key=key).order_by("-number")
    return rows.first() if number is None else rows.filter(number=number).first()


def nearest_key(key: str) -> str:
    """Return a sentence on a key that no template has, with the nearest that one has."""
    keys = list(MailTemplate.objects.values_list("key", flat=True))
    return f"No mail template has this key.{nearest(key, keys)}"


def _checked(texts: Any, markup: str) -> dict[str, Words]:
    """Return the words of texts without a fault. Raises DefinitionError with all faults."""
    faults: list[Fault] = []
    try:
        words = read_texts(texts, Markup(markup))
    except DefinitionError as error:
        faults += error.errors
    faults += [*_unknown_traits(texts), *_unknown_pools(texts)]
    if faults:
        raise DefinitionError(faults)
    return words


def _unknown_traits(texts: Any) -> Iterator[Fault]:
    known = {*USUAL_TRAITS, *TraitDefinition.objects.values_list("key", flat=True)}
    for path, text in _texts_by_path(texts):
        for key in dict.fromkeys(traits_in(text)):
            if key not in known:
                yield Fault(path, "unknown", f"No trait is called {key}.{nearest(key, known)}")


def _unknown_pools(texts: Any) -> Iterator[Fault]:
    known = set(CodePool.objects.values_list("key", flat=True))
    for path, text in _texts_by_path(texts):
        for key in dict.fromkeys(pools_in(text)):
            if key not in known:
                yield Fault(path, "unknown", f"No pool of codes has the key {key}.")


def _texts_by_path(texts: Any) -> Iterator[tuple[str, str]]:
    for code, fields in texts.items() if isinstance(texts, dict) else ():
        for name, text in fields.items() if isinstance(fields, dict) else ():
            if isinstance(text, str):
                yield f"texts.{code}.{name}", text


def _keep_version(row: MailTemplate, actor: Actor) -> None:
    MailTemplateVersion.objects.create(
        template=row, number=row.version, markup=row.markup, texts=row.texts, actor=str(actor)
    )


def _make_source(row: MailTemplate, actor: Actor) -> None:
    """Make the source of clicks, once there are any to count."""
    if row.click_purpose and not Source.objects.filter(key=CLICKS_SOURCE).exists():
        create_source(CLICKS_SOURCE, actor=actor, name="Mail")


def _audited_state(row: MailTemplate) -> dict[str, Any]:
    return {
        "name": row.name,
        "markup": str(row.markup),
        "version": row.version,
        "texts": row.texts,
        "click_purpose": row.click_purpose.key if row.click_purpose else None,
    }
