"""The forms of a webhook's mapping: a form for each message, with an expression in each field.

Invariant: a fault is at the field that has it. What a form writes is what it reads again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ingestion.services import WrongMapping, parse_facts
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.lib.expressions import WrongExpression, compiled

MOST_FACTS = 20
MAX_SAMPLE = 256 * 1024
# `name: expression`; a colon may stand in the expression.
_LINE = re.compile(r"([\w$ .-]+?)\s*:\s+(\S.*)")
_WHO = ("user_id", "anonymous_id", "email", "phone")
_PLAIN = ("call", "event", "id", "time", "when", "each", "verified", "order", "refund_of")
_MAIN = ("kind", "call", "event", "id", "time", "user_id", "email", "phone")
_MORE = (
    *("anonymous_id", "identifiers", "consents", "when", "each", "verified", "order"),
    "refund_of",
)
_BY_NAME = ("properties", "traits", "consents")
CALLS = (
    ("track", gettext_lazy("what somebody did")),
    ("identify", gettext_lazy("who somebody is")),
)


class ExpressionField(forms.CharField):
    """One expression, checked as such."""

    widget = UnfoldAdminTextInputWidget(attrs={"spellcheck": "false", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=kwargs.pop("required", False), max_length=2000, **kwargs)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        _check(text)
        return text


class NamedField(forms.CharField):
    """A name and an expression in each line, or one expression of an object."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=20_000, **kwargs)

    def clean(self, value: Any) -> Any:
        # A quoted name may have what Unicode counts among ends of lines, but none of these.
        lines = [line.strip() for line in re.split(r"[\r\n]", super().clean(value))]
        lines = [line for line in lines if line]
        if lines and not _LINE.fullmatch(lines[0]):
            text = " ".join(lines)
            _check(text)
            return text
        template: dict[str, Any] = {}
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise forms.ValidationError(_("Not name: expression: %(line)s") % {"line": line})
            name, expression = match.groups()
            _check(expression, name)
            _put(template, name.split("."), expression)
        return template


class BaseFactFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    """The messages of a mapping, of which one at least is kept."""

    def clean(self) -> None:
        if not any(self.errors) and not any(kept_facts(self)):
            raise forms.ValidationError(_("One message is needed."))


class FactForm(forms.Form):
    """Which message one kind of delivery becomes."""

    kind = forms.CharField(
        label=gettext_lazy("Kind of delivery"),
        initial="*",
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy("The X-Event header, else event or type in the body; * is any."),
    )
    call = forms.ChoiceField(
        label=gettext_lazy("It says"), choices=CALLS, widget=UnfoldAdminSelectWidget
    )
    event = forms.CharField(
        label=gettext_lazy("Name of the event"),
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
    )
    id = ExpressionField(
        label=gettext_lazy("Which one it is"),
        required=True,
        help_text=gettext_lazy("Such as id: the same again changes nothing."),
    )
    time = ExpressionField(
        label=gettext_lazy("When it was so"),
        required=True,
        help_text=gettext_lazy("Such as created_at, or epoch(created) of seconds."),
    )
    user_id = ExpressionField(label=gettext_lazy("Your number of the person"))
    email = ExpressionField(label=gettext_lazy("E-mail address"))
    phone = ExpressionField(label=gettext_lazy("Telephone number"))
    anonymous_id = ExpressionField(label=gettext_lazy("Id of a device"))
    identifiers = NamedField(
        label=gettext_lazy("Other identifiers"), help_text=gettext_lazy("Such as crm: contact.id")
    )
    properties = NamedField(
        label=gettext_lazy("Properties of the event"),
        help_text=gettext_lazy("One a line, such as total: order.total"),
    )
    traits = NamedField(
        label=gettext_lazy("Traits of the person"),
        help_text=gettext_lazy("One a line, such as city: address.city"),
    )
    consents = NamedField(
        label=gettext_lazy("Consents, by category"),
        help_text=gettext_lazy("One a line, such as newsletter: opted_in"),
    )
    when = ExpressionField(
        label=gettext_lazy("Only if"), help_text=gettext_lazy("Such as status == 'paid'")
    )
    each = ExpressionField(
        label=gettext_lazy("One for each of"),
        help_text=gettext_lazy("A list, of which item is one."),
    )
    verified = ExpressionField(
        label=gettext_lazy("The tool vouches for who it is"),
        help_text=gettext_lazy("`true` for an account of its own; else it is a claim."),
    )
    order = ExpressionField(label=gettext_lazy("Number of the order"))
    refund_of = ExpressionField(label=gettext_lazy("Number of the order that is refunded"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors:
            try:
                parse_facts([self.fact()], "")
            except WrongMapping as error:
                name = error.path.removeprefix("[0].").partition(".")[0]
                field = "user_id" if name == "who" else name
                self.add_error(field if field in self.fields else None, error.detail)
        return cleaned

    def main(self) -> list[forms.BoundField]:
        """Return the fields that nearly every message has."""
        return [self[name] for name in _MAIN]

    def named(self) -> list[forms.BoundField]:
        return [self["properties"], self["traits"]]

    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in _MORE]

    def has_more(self) -> bool:
        """Whether one of the rarer fields has something to show."""
        return any(field.value() or field.errors for field in self.more())

    def fact(self) -> dict[str, Any]:
        """Return the fact as a mapping has it, without what is empty."""
        fields = self.cleaned_data
        who = {name: fields[name] for name in (*_WHO, "identifiers") if fields.get(name)}
        names = (*_PLAIN, *_BY_NAME)
        fact = {name: fields[name] for name in names if fields.get(name)}
        return fact | ({"who": who} if who else {})


FactFormSet = forms.formset_factory(
    FactForm,
    formset=BaseFactFormSet,
    extra=0,
    min_num=1,
    max_num=MOST_FACTS,
    absolute_max=MOST_FACTS,
    can_delete=True,
)


def fact_formset(data: Any = None, *, kinds: Mapping[str, Any] | None = None) -> Any:
    """Return the forms of what was posted, else of a mapping, else one that is empty."""
    initial = list(_initials(kinds or {}))
    # None is skipped because nothing was typed into it.
    options = {"empty_permitted": False}
    return FactFormSet(data, prefix="facts", initial=initial or None, form_kwargs=options)


def kinds_in(facts: Any) -> dict[str, Any]:
    """Return the mapping that valid forms write."""
    kinds: dict[str, Any] = {}
    for form in kept_facts(facts):
        kinds.setdefault(form.cleaned_data["kind"], []).append(form.fact())
    return kinds


def with_more_facts(facts: Any, more: Iterable[Mapping[str, Any]]) -> Any:
    """Return the forms as they were typed, without the deleted ones, and further ones below."""
    typed = [
        {name: form[name].value() for name in form.fields if name != "DELETE"}
        for form in facts.forms
        if not form["DELETE"].value()
    ]
    return FactFormSet(prefix="facts", initial=[*typed, *more][:MOST_FACTS])


def initial_of(kind: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form for one fact of a mapping."""
    who = fact.get("who", {})
    fields = {"kind": kind} | {name: fact[name] for name in _PLAIN if name in fact}
    fields |= {name: who[name] for name in _WHO if name in who}
    fields["identifiers"] = _lines(who.get("identifiers", {}))
    return fields | {name: _lines(fact.get(name, {})) for name in _BY_NAME}


class SampleForm(forms.Form):
    """A delivery to try the mapping on. It is posted in the body and kept nowhere."""

    header = forms.CharField(
        label=gettext_lazy("Its X-Event header, if it has one"),
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    sample = forms.CharField(
        label=gettext_lazy("A delivery, as JSON"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 14, "spellcheck": "false"}),
        help_text=gettext_lazy("Paste one that the tool sent. Nothing of it is kept."),
    )

    def clean_sample(self) -> Any:
        text = self.cleaned_data["sample"].strip()
        if not text:
            return None
        if len(text) > MAX_SAMPLE:
            raise forms.ValidationError(_("At most 256 KB."))
        try:
            content = exact_json.read(text.encode(errors="replace"), repairs=False)
        except (UnreadableJSON, ValueError, RecursionError):
            raise forms.ValidationError(_("This is not JSON.")) from None
        if not isinstance(content, dict):
            raise forms.ValidationError(_("A delivery is a JSON object."))
        return content


def kept_facts(facts: Any) -> Iterator[FactForm]:
    """Return the forms that are not to be left out."""
    return (form for form in facts.forms if not form.cleaned_data.get("DELETE"))


def _initials(kinds: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, facts in kinds.items():
        yield from (initial_of(kind, fact) for fact in facts)


def _lines(template: Any) -> str:
    """Return a template as lines, of which dots in names lead into objects."""
    return template if isinstance(template, str) else "\n".join(_named_lines(template, ""))


def _named_lines(template: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, value in template.items():
        if isinstance(value, Mapping):
            yield from _named_lines(value, f"{above}{name}.")
        else:
            yield f"{above}{name}: {value}"


def _put(template: dict[str, Any], steps: list[str], expression: str) -> None:
    for step in steps[:-1]:
        inner = template.setdefault(step, {})
        if not isinstance(inner, dict):
            raise forms.ValidationError(_("%(name)s has a value and parts.") % {"name": step})
        template = inner
    if steps[-1] in template:
        raise forms.ValidationError(_("%(name)s is there twice.") % {"name": ".".join(steps)})
    template[steps[-1]] = expression


def _check(expression: str, name: str = "") -> None:
    try:
        if expression:
            compiled(expression)
    except WrongExpression as error:
        raise forms.ValidationError(f"{name}: {error}" if name else str(error)) from None
