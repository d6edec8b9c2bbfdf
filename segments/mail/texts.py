"""What staff write of a mail, language by language, read and compiled: pure but for settings.

Invariant: all faults are noted at once, each with its path. What is compiled has words in the
places of fields, so that no value of a person ever meets an engine for markup.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import css_inline
from django.conf import settings
from mjml import mjml2html

from segments.language.operands import (
    DefinitionError,
    Fault,
    definition_error,
    join_path,
    read_fields,
    read_name,
    read_text,
)
from segments.mail.content import Mark, read_content
from segments.mail.fields import UNSUBSCRIBE, field_faults
from segments.mail.house import housed
from segments.mail.plain import text_of

LONGEST_BODY, LONGEST_PREHEADER = 60_000, 200
_LANGUAGE = re.compile(r"[a-z]{2}")
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_AT = re.compile(r"position (\d+):\d+")
# Remote style sheets are not read: neither from another site nor from a file of this machine.
_INLINER = css_inline.CSSInliner(
    keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False
)
# Read by programs for mail beside the subject, and seen nowhere else.
_PREHEADER = (
    '<div data-preheader style="display:none;max-height:0;overflow:hidden;mso-hide:all">{}</div>'
)


class Markup(StrEnum):
    """What the body of a template is."""

    HOUSE = "house"
    MJML = "mjml"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Words:
    """What a mail says in one language. `text` is empty where it is made from the body."""

    subject: str
    body: str
    preheader: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mail with words in the places of its fields, and the text that is made from it."""

    html: str
    text: str
    marks: Sequence[Mark]


def store_languages() -> list[str]:
    """Return the languages in which every template must be written."""
    return sorted({code.partition("-")[0] for code, _ in settings.LANGUAGES})


def read_texts(texts: object, markup: Markup) -> dict[str, Words]:
    """Return the words by language. Raises DefinitionError with all faults."""
    if not isinstance(texts, dict):
        raise definition_error("texts", "type", "This must be an object of texts by language.")
    faults = [
        Fault(f"texts.{code}", "required", "Templates are written in this language, too.")
        for code in store_languages()
        if code not in texts
    ]
    words: dict[str, Words] = {}
    for code, value in texts.items():
        path = join_path("texts", str(code))
        try:
            words[code] = _read_words(code, value, path)
        except DefinitionError as error:
            faults += error.errors
        else:
            faults += _faults_of(words[code], markup, code, path)
    if faults:
        raise DefinitionError(faults)
    return words


def _read_words(code: str, value: object, path: str) -> Words:
    if not _LANGUAGE.fullmatch(code):
        raise definition_error(path, "invalid", "A language is two small letters, as en.")
    fields = read_fields(value, path, ("subject", "body"), ("preheader", "text"))
    limits = {"preheader": LONGEST_PREHEADER, "body": LONGEST_BODY, "text": LONGEST_BODY}
    texts = {
        name: read_text(fields.get(name, ""), join_path(path, name), max_length=limit)
        for name, limit in limits.items()
    }
    return Words(subject=read_name(fields["subject"], join_path(path, "subject")), **texts)


def _faults_of(words: Words, markup: Markup, language: str, path: str) -> list[Fault]:
    """Return what is wrong with the words of one language."""
    faults = [
        Fault(join_path(path, name), "invalid", detail)
        for name in ("subject", "preheader", "body", "text")
        for detail in field_faults(getattr(words, name))
    ]
    if any("\n" in line or "\r" in line for line in (words.subject, words.preheader)):
        faults.append(Fault(join_path(path, "subject"), "invalid", "A subject is one line."))
    body = join_path(path, "body")
    content = read_content(words.body, is_mjml=markup != Markup.HTML)
    faults += [Fault(body, "invalid", detail) for detail in content.faults]
    faults += [
        Fault(join_path(path, name), "required", f"Lacks the link {{{{ {UNSUBSCRIBE} }}}}.")
        for name, text in (("body", words.body), ("text", words.text))
        if text and markup != Markup.HOUSE and UNSUBSCRIBE not in text
    ]
    if not faults:
        try:
            compiled(words, markup, language)
        except ValueError as error:
            faults.append(Fault(body, "invalid", _engine_words(str(error), words.body)))
    return faults


def _engine_words(error: str, source: str) -> str:
    """Return an engine's own words, with a line instead of a place among all characters."""
    place = _AT.search(error)
    if place is None:
        return f"It does not compile: {error}."
    line = source.count("\n", 0, int(place[1])) + 1
    return f"Line {line}: it does not compile: {error}."


def compiled(words: Words, markup: Markup, language: str) -> Compiled:
    """Return the HTML and the text of words that have no fault. Raises ValueError."""
    page = housed(words.body, language) if markup == Markup.HOUSE else words.body
    preheader = _PREHEADER.format(_escaped(words.preheader)) if words.preheader else ""
    # Both at once, so that their fields have words of one kind.
    content = read_content(f"{preheader}\n{page}", is_mjml=markup != Markup.HTML)
    hidden, _, source = content.text.partition("\n")
    html = _INLINER.inline(source) if markup == Markup.HTML else mjml2html(source, fonts={})
    html = html.replace('lang="und"', f'lang="{language}"')
    shown = _BODY.sub(lambda body: body[0] + hidden, html, count=1)
    return Compiled(shown, text_of(html), content.marks)


def _escaped(text: str) -> str:
    """Return a plain text as HTML, its fields as they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def stored_words(texts: Mapping[str, Any]) -> dict[str, Words]:
    """Return words that were read when they were saved: what is allowed may be less by now."""
    return {code: Words(**each) for code, each in texts.items()}


def as_json(words: Mapping[str, Words]) -> dict[str, Any]:
    """Return words as they are stored."""
    return {
        code: {name: text for name, text in asdict(each).items() if text}
        for code, each in words.items()
    }
