"""Automations that are ready to be installed, with the segments and mail templates that they need.

Invariant: what is installed is a draft in the words of the language, and is changed like any other;
a segment or a mail template that is there already is left as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from consent.models import Purpose
from profiles.services import Actor, audited
from segments.automations.life import create_automation
from segments.automations.template_texts import TEXTS
from segments.definitions.save import SegmentError, create_segment
from segments.mail.life import create_mail_template
from segments.mail.words import house_words
from segments.models import Automation, MailTemplate, Segment

ORDERED, ADDED = "Order Completed", "Product Added"
_DAILY: Mapping[str, Any] = {"from": "21:00", "until": "08:00"}
_CAP: Mapping[str, Any] = {"most": 3, "days": 7}


@dataclass(frozen=True, slots=True)
class Template:
    """An automation to install: its words, its definition, and the segments by key."""

    key: str
    name: Any
    text: Any
    definition: Mapping[str, Any]
    segments: Mapping[str, tuple[Any, Mapping[str, Any]]]


def templates() -> list[Template]:
    """Return all templates."""
    return [_welcome(), _basket(), _birthday(), _win_back(), _cross_sell(), _review()]


def install_template(key: str, *, purpose: Purpose, actor: Actor) -> Automation:
    """Make a draft from a template, with its segments and mails. Raises SegmentError."""
    template = next((each for each in templates() if each.key == key), None)
    if template is None:
        names = ", ".join(each.key for each in templates())
        raise SegmentError("template", f"Allowed: {names}.")
    with audited(actor, "automation.installed") as deed:
        live = Segment.objects.exclude(status=Segment.Status.ARCHIVED)
        for segment, (name, tree) in template.segments.items():
            if not live.filter(key=segment).exists():
                create_segment(
                    key=segment,
                    name=str(name),
                    definition=tree,
                    purpose=purpose,
                    status=Segment.Status.LIVE,
                    actor=actor,
                )
        _make_mails(template, actor)
        row = create_automation(
            key=template.key,
            name=str(template.name),
            purpose=purpose,
            definition=template.definition,
            actor=actor,
        )
        deed.about("automation", row.key, template=[None, template.key])
        return row


def _mail(name: str) -> dict[str, Any]:
    return {"type": "mail", "template": name}


def _make_mails(template: Template, actor: Actor) -> None:
    """Make the mail templates that steps send and that are not there."""
    for key in _mails_in(template.definition["steps"]):
        if not MailTemplate.objects.filter(key=key).exists():
            texts = {code: house_words(**each) for code, each in TEXTS[key].items()}
            name = f"{template.name}: {TEXTS[key]['en']['subject'].partition('{{')[0].strip(' ,')}"
            create_mail_template(key=key, name=name, texts=texts, actor=actor)


def _mails_in(steps: Any) -> Iterator[str]:
    for step in steps:
        if step["type"] == "mail":
            yield step["template"]
        yield from _mails_in(step.get("else", ()))


def _definition(trigger: Mapping[str, Any], *steps: Any, **options: Any) -> dict[str, Any]:
    return {"trigger": trigger, "steps": list(steps), "quiet": _DAILY, "cap": _CAP, **options}


def _event(name: str, **test: Any) -> dict[str, Any]:
    return {"type": "event", "name": name, **test}


def _welcome() -> Template:
    return Template(
        "welcome",
        gettext_lazy("Welcome series"),
        gettext_lazy("Three mails in ten days to whoever signs up; an order ends it."),
        _definition(
            {"type": "event", "name": "Signed Up"},
            _mail("welcome"),
            {"type": "wait", "for": {"days": 3}},
            _mail("welcome-help"),
            {"type": "wait", "for": {"days": 7}},
            _mail("welcome-last"),
            goal={"name": ORDERED},
        ),
        {},
    )


def _basket() -> Template:
    return Template(
        "abandoned-basket",
        gettext_lazy("Abandoned basket"),
        gettext_lazy("A reminder three days after the basket, unless the same one was bought."),
        _definition(
            {"type": "event", "name": ADDED},
            {
                "type": "wait_event",
                "event": {"name": ORDERED},
                "same": "cart_id",
                "at_most": {"days": 3},
                "else": [_mail("basket")],
            },
            again="always",
        ),
        {},
    )


def _birthday() -> Template:
    # From the minute before the day on, so that the next nine o'clock is that of the day.
    tree = {
        "type": "trait",
        "key": "birthday",
        "operator": "anniversary_in_next",
        "value": {"minutes": 1},
    }
    return Template(
        "birthday",
        gettext_lazy("Birthday"),
        gettext_lazy("A mail at nine in the morning of the birthday, each year."),
        _definition(
            {"type": "enters", "segment": "birthday-today", "reasons": ["time", "change"]},
            {"type": "wait", "until": "09:00"},
            _mail("birthday"),
            again={"days": 300},
        ),
        {"birthday-today": (gettext_lazy("Birthday today"), tree)},
    )


def _win_back() -> Template:
    bought = _event(ORDERED, operator="gte", value=1)
    lately = _event(ORDERED, operator="gte", value=1, window={"last": {"days": 180}})
    tree = {"type": "and", "children": [bought, {"type": "not", "child": lately}]}
    return Template(
        "win-back",
        gettext_lazy("Win back"),
        gettext_lazy("Two mails to whoever bought nothing for 180 days; an order ends it."),
        _definition(
            {"type": "enters", "segment": "bought-nothing-lately"},
            _mail("win-back"),
            {"type": "wait", "for": {"days": 14}},
            {"type": "check", "is": "member"},
            _mail("win-back-last"),
            goal={"name": ORDERED},
            again={"days": 180},
        ),
        {"bought-nothing-lately": (gettext_lazy("Bought nothing lately"), tree)},
    )


def _cross_sell() -> Template:
    return Template(
        "cross-sell",
        gettext_lazy("After an order"),
        gettext_lazy("What goes with it, ten days after an order, unless there is another one."),
        _definition(
            {"type": "event", "name": ORDERED},
            {
                "type": "wait_event",
                "event": {"name": ORDERED},
                "at_most": {"days": 10},
                "else": [_mail("cross-sell")],
            },
            again={"days": 30},
        ),
        {},
    )


def _review() -> Template:
    return Template(
        "review",
        gettext_lazy("Ask for a review"),
        gettext_lazy("A question two weeks after an order, unless it was refunded."),
        _definition(
            {"type": "event", "name": ORDERED},
            {
                "type": "wait_event",
                "event": {"name": "Order Refunded"},
                "same": "order_id",
                "at_most": {"days": 14},
                "else": [_mail("review")],
            },
            again={"days": 60},
        ),
        {},
    )
