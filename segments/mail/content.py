"""Reading what staff wrote as the body of a mail: its markup, and where its fields stand.

Invariant: each field stands for a text between elements, for the whole of a harmless attribute, or
for a part of an address after its host. Nothing runs, loads a file, or is included.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from html.parser import HTMLParser

from segments.mail.fields import FIELD, UNSUBSCRIBE

# Deeper markup could end the process of the engines, which descend by recursion.
DEEPEST = 60
VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr"),
    }
)
# Without mj-include, which reads files, and mj-social, whose pictures another company serves.
MJML = frozenset(
    {
        *("mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint"),
        *("mj-preview", "mj-style", "mj-title", "mj-html-attributes", "mj-selector"),
        *("mj-html-attribute", "mj-accordion", "mj-accordion-element", "mj-accordion-title"),
        *("mj-accordion-text", "mj-button", "mj-carousel", "mj-carousel-image", "mj-column"),
        *("mj-divider", "mj-group", "mj-hero", "mj-image", "mj-navbar", "mj-navbar-link"),
        *("mj-raw", "mj-section", "mj-spacer", "mj-table", "mj-text", "mj-wrapper"),
    }
)
REFUSED = frozenset(
    {
        *("script", "iframe", "object", "embed", "applet", "form", "input", "button"),
        *("textarea", "select", "base", "link", "frame"),
    }
)
ADDRESSES = frozenset(("href", "src", "background-url", "background"))
PLAIN = frozenset(("alt", "title", "aria-label"))
# Elements whose content is no text of the page.
STYLES = frozenset(("style", "mj-style"))
_SCHEME = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):")
_ALLOWED_SCHEMES = ("https", "http", "mailto", "tel")
_AFTER_HOST = re.compile(r"https?://[^/?#\s]+[/?#]")


class Place(StrEnum):
    """Where a field stands, which says how its value is written there."""

    TEXT = "text"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Mark:
    """A field of a body: the word that holds its place, and what it says."""

    word: str
    name: str
    fallback: str | None
    place: Place = Place.TEXT


@dataclass(frozen=True, slots=True)
class Content:
    """A body with words in the places of its fields, and what is wrong with it."""

    text: str
    marks: Sequence[Mark]
    faults: Sequence[str]


def read_content(body: str, *, is_mjml: bool) -> Content:
    """Return what a body is made of."""
    # A word that no body has by chance, and that no engine changes.
    seed = f"field{sha256(body.encode()).hexdigest()[:12]}"
    fields: list[re.Match[str]] = []

    def hold(match: re.Match[str]) -> str:
        fields.append(match)
        return f"{seed}x{len(fields) - 1}x"

    text = FIELD.sub(hold, body)
    reader = _Reader(seed, is_mjml=is_mjml)
    reader.feed(text)
    reader.close()
    reader.finish()
    marks = [
        Mark(f"{seed}x{number}x", match[1], match[2], reader.places.get(number, Place.TEXT))
        for number, match in enumerate(fields)
    ]
    faults = [*reader.faults, *_address_faults(reader, marks)]
    return Content(text, marks, faults)


def _address_faults(reader: "_Reader", marks: Sequence[Mark]) -> list[str]:
    """Say which addresses a field could lead elsewhere."""
    faults = []
    for number, line, before, is_whole in reader.addresses:
        is_link = marks[number].name == UNSUBSCRIBE
        if not (is_link and is_whole) and not _AFTER_HOST.match(before):
            detail = "A field in an address stands after its host: https://shop.example/?q={{ … }}."
            faults.append(f"Line {line}: {detail}")
    return faults


class _Reader(HTMLParser):
    """Walks through a body once, and notes faults and the places of fields."""

    def __init__(self, seed: str, *, is_mjml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.word = re.compile(re.escape(seed) + r"x(\d+)x")
        self.is_mjml = is_mjml
        self.faults: list[str] = []
        self.places: dict[int, Place] = {}
        # Number of the field, line, what stands before it, and whether it is the whole address.
        self.addresses: list[tuple[int, int, str, bool]] = []
        self.open: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)
        if tag not in VOID:
            self.open.append((tag, self.getpos()[0]))
            if len(self.open) == DEEPEST + 1:
                self._fault(f"Elements are at most {DEEPEST} deep.")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        names = [name for name, _ in self.open]
        if self.is_mjml and (not names or names[-1] != tag):
            expected = f"</{names[-1]}> comes first" if names else "nothing is open"
            self._fault(f"</{tag}> ends what does not begin here: {expected}.")
        if tag in names:
            del self.open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] in STYLES:
            if self.word.search(data):
                self._fault("A field cannot stand in a style.")
            if "@import" in data.lower():
                self._fault("A style cannot import another one.")

    def handle_comment(self, data: str) -> None:
        if self.word.search(data):
            self._fault("A field cannot stand in a comment.")

    def finish(self) -> None:
        """Say what never ended."""
        if self.is_mjml:
            self.faults += [f"Line {line}: <{tag}> never ends." for tag, line in self.open]

    def _element(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in REFUSED or (tag == "meta" and any(name == "http-equiv" for name, _ in attrs)):
            self._fault(f"<{tag}> is not allowed in a mail.")
        elif tag.startswith("mj") and (not self.is_mjml or tag not in MJML):
            known = f" Known: {', '.join(sorted(MJML))}." if self.is_mjml else ""
            self._fault(f"<{tag}> is not known here.{known}")
        if self.word.search(tag):
            self._fault("A field cannot stand in the name of an element.")
        for name, value in attrs:
            self._attribute(name, value or "")

    def _attribute(self, name: str, value: str) -> None:
        if name.startswith("on"):
            self._fault(f"The attribute {name} is not allowed in a mail.")
        if name in ADDRESSES:
            scheme = _SCHEME.match(value)
            if scheme and scheme[1].lower() not in _ALLOWED_SCHEMES:
                self._fault(f"Addresses begin with {', '.join(_ALLOWED_SCHEMES)}.")
        if self.word.search(name):
            self._fault("A field cannot stand in the name of an attribute.")
        for match in self.word.finditer(value):
            self._field(name, value, match)

    def _field(self, name: str, value: str, match: re.Match[str]) -> None:
        if name in ADDRESSES:
            self.places[int(match[1])] = Place.ADDRESS
            before, is_whole = value[: match.start()], value.strip() == match[0]
            self.addresses.append((int(match[1]), self.getpos()[0], before, is_whole))
        elif name not in PLAIN:
            allowed = ", ".join(sorted((*ADDRESSES, *PLAIN)))
            self._fault(f"A field cannot stand in {name}. Allowed: {allowed}.")

    def _fault(self, detail: str) -> None:
        self.faults.append(f"Line {self.getpos()[0]}: {detail}")
