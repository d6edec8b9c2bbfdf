"""In which forms a suppressed identifier is recognised: the three rings.

1. Where a message names somebody: the identifier under its own namespace; `user_id` and
   `anonymous_id` stand for each other, and an address or international number is one in any place.
2. In any other text, key or URL: only what is distinctive, that is addresses, international
   telephone numbers, UUIDs and opaque ids of 16 characters or more.
3. Nothing else: no numbers, no short ids, no values that stand for nobody.

Pure: it knows no list. References are `namespace:value`; those of distinctive ids have the
namespace `token`, so that a text is asked for once and not under every namespace.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.lib.memory import remembered

ERASED = "[erased]"
TOKEN = "token"
MAX_ADDRESSES = 16
_MOST_CHARACTERS = 255
_INTERCHANGEABLE = ("user_id", "anonymous_id")
# What a text has that holds a distinctive form. Any escape may hide one. Most texts have none, and
# every text of a message is asked, so that signs and words are looked for before patterns.
_SIGNS = ("@", "＠", "%", "\\", "&#")
_PHONE_WORDS = ("phone", "mobile", "msisdn", "whatsapp", "fax")
_WORDS = (*_PHONE_WORDS, "tel", "&commat")
_DIALLED = re.compile(r"(?:\+|00)[\s./-]*[\d(]")
_LEAST_OPAQUE = 16
_RUNS = bytes(b" x"[chr(byte) not in ' \t\n\r\f\v"/?&='] for byte in range(256))
_RUN = b"x" * _LEAST_OPAQUE
_LONG = re.compile(rf"(?<![^\s\"/?&=])[^\s\"/?&=]{{{_LEAST_OPAQUE}}}")
_AT = r"(?:@|＠|%(?:25)?40|&#0*64;|&#[xX]0*40;|&commat;)"
# Of each spelling of an address: what its sides are made of. The left side is read backwards from
# the sign between them, since a pattern that began at every letter would take quadratic time.
_AT_SIGN = re.compile(_AT)
_WIDE = r"[^\s<>\"(),;:&?=/\\\[\]@＠]"
_SIDES = (
    (re.compile(rf"{_WIDE}+"), re.compile(rf"{_WIDE}+")),
    (
        re.compile(r"(?:[\w.!#$%*+/?^`{|}~'-]|;\w{1,8}#?&)+", re.ASCII),
        re.compile(r"(?:[\w.%-]|&#?\w{1,8};)+", re.ASCII),
    ),
)
_PLAIN_ADDRESS = re.compile(r"[a-z0-9][a-z0-9._-]{,62}@[a-z0-9][a-z0-9.-]{,62}[a-z0-9]")
# Ids as most systems make them: they hold no address and no number, and nothing is hidden in them.
_PLAIN_ID = re.compile(r"(?!00)[A-Za-z0-9_-]+")
_LONGEST_SIDE = 1000  # as it is written: each letter may take a dozen signs
_ASCII_START = re.compile(r"[\x21-\x7e\uff01-\uff5e]+")
# Numbers of characters that Python does not read, for want of a limit in the standard library.
_ENTITY_ZEROS = re.compile(r"(&#[xX]?)0+(?=[0-9a-fA-F])")
_ENTITY_TOO_LARGE = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{8,});?")
_PHONE = re.compile(r"(?:\+|00)[\d\s().\-/]{6,30}")
_PHONE_SIGNS = re.compile(r"\+?[\d\s().\-/]{6,30}")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile(r"\d"), re.compile(r"[^\w\s]|_"))
_WRAPPED = re.compile(r"[^<>@]*<([^<>]+)>")
# Shorter parts hold no address, number or opaque id.
_URL_PART = re.compile(r"[^/?&=#;\s]{6,}")
_ENDS = ".,;:!?'\"-"


class Find(NamedTuple):
    """A distinctive form in a text: where it is, and the references that it may stand for."""

    start: int
    end: int
    references: tuple[str, ...]


@remembered(maxsize=65_536)
def spellings(namespace: str, value: str, region: str) -> tuple[str, ...]:
    """Return the references under which a normalised identifier is suppressed and looked up."""
    references = [f"{namespace}:{value}"]
    if is_blocked(namespace, value):
        # What stands for nobody is nobody's under another name either.
        return tuple(references)
    if namespace in _INTERCHANGEABLE:
        references += [f"{other}:{value}" for other in _INTERCHANGEABLE]
    if namespace == "email":
        if not _PLAIN_ADDRESS.fullmatch(value):
            references += [f"email:{address}" for address in _addresses(decoded(value))[:1]]
    elif namespace not in ("phone", TOKEN) and (is_distinctive(value) or not value.isascii()):
        contacts = [] if _PLAIN_ID.fullmatch(value) else _contacts(value, region)
        references += [*contacts, *_tokens(value)]
    return tuple(dict.fromkeys(references))


@remembered(maxsize=65_536)
def stored_spellings(namespace: str, value: str, region: str) -> tuple[str, ...]:
    """Return the references that an erasure suppresses for an identifier.

    A look-up knows that user and anonymous ids stand for each other, so the list need not.
    """
    others = {f"{other}:{value}" for other in _INTERCHANGEABLE if other != namespace}
    return tuple(ref for ref in spellings(namespace, value, region) if ref not in others)


def mentions(content: Any, *, region: str) -> set[str]:
    """Return the references that any text or key of the JSON may stand for."""
    return set(_references_in(content, "", region))


def redacted(content: Any, suppressed: Collection[str], *, region: str) -> Any:
    """Return the JSON without what stands for a suppressed reference.

    A value that is the identifier goes with its key; a text that holds it keeps the rest. Numbers
    stay.
    """
    return _Redaction(suppressed, region).of(content, "")


def redacted_text(text: str, suppressed: Collection[str], *, region: str) -> str:
    """Return a name or other text with `[erased]` in place of what is suppressed."""
    return _replace(text, list(_hits(text, "", suppressed, region)))


def is_distinctive(text: str) -> bool:
    """Whether a text may hold anything that is looked for outside of identifiers."""
    for sign in _SIGNS:
        if sign in text:
            return True
    folded = text.casefold()
    for word in _WORDS:
        if word in folded:
            return True
    return _has_dialled(text) or _has_long(text)


def distinctive_among(texts: Collection[str]) -> list[str]:
    """Return those of the texts that may hold anything that is looked for, as `is_distinctive`.

    Most texts of a chunk hold nothing: what none of them has is looked for once, in all together.
    """
    together = "\n".join(texts)
    folded = together.casefold()
    signs = [sign for sign in _SIGNS if sign in together]
    words = [word for word in _WORDS if word in folded]
    has_dialled, has_long = _has_dialled(together), _has_long(together)
    return [
        text
        for text in texts
        if (signs and any(sign in text for sign in signs))
        or (words and any(word in text.casefold() for word in words))
        or (has_dialled and _has_dialled(text))
        or (has_long and _has_long(text))
    ]


def _has_dialled(text: str) -> bool:
    return ("+" in text or "00" in text) and bool(_DIALLED.search(text))


def _has_long(text: str) -> bool:
    # A look for a run of signs takes a tenth of the pattern's time, and finds none in most texts.
    return _RUN in text.encode(errors="surrogatepass").translate(_RUNS) and bool(_LONG.search(text))


@remembered(maxsize=16_384)
def _is_phone_key(key: str) -> bool:
    folded = key.casefold()
    return folded == "tel" or any(word in folded for word in _PHONE_WORDS)


def _references_in(content: Any, key: str, region: str) -> Iterator[str]:
    match content:
        case str():
            for find in finds(content, key, region):
                yield from find.references
        case dict():
            for inner_key, inner in content.items():
                yield from _references_of_key(str(inner_key), region)
                yield from _references_in(inner, str(inner_key), region)
        case list() | tuple():
            for inner in content:
                yield from _references_in(inner, key, region)


@remembered(maxsize=16_384)
def _references_of_key(key: str, region: str) -> tuple[str, ...]:
    return tuple(_references_in(key, "", region))


class _Redaction:
    """Takes suppressed references out of JSON."""

    def __init__(self, suppressed: Collection[str], region: str) -> None:
        self._suppressed = suppressed
        self._region = region

    def of(self, content: Any, key: str) -> Any:
        match content:
            case str():
                return _replace(content, self._hits(content, key))
            case dict():
                return {
                    _replace(name, self._hits(name, "")): self.of(inner, name)
                    for name, inner in content.items()
                    if not self._is_identifier(inner, name)
                }
            case list():
                kept = (inner for inner in content if not self._is_identifier(inner, key))
                return [self.of(inner, key) for inner in kept]
        return content

    def _hits(self, text: str, key: str) -> list[Find]:
        return list(_hits(text, key, self._suppressed, self._region))

    def _is_identifier(self, content: Any, key: str) -> bool:
        """Whether the value is a suppressed identifier and nothing else."""
        if not isinstance(content, str):
            return False
        hits = self._hits(content, key)
        if not hits:
            return False
        if _WRAPPED.fullmatch(content.strip()):
            return True
        rest = _replace(content, hits).replace(ERASED, "")
        return rest.strip(" <>\t\n").lower() in ("", "mailto:", "tel:")


def _hits(text: str, key: str, suppressed: Collection[str], region: str) -> Iterator[Find]:
    for find in finds(text, key, region):
        if any(reference in suppressed for reference in find.references):
            yield find


def _replace(text: str, hits: list[Find]) -> str:
    pieces, end = [], 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= end:
            pieces += [text[end : hit.start], ERASED]
            end = hit.end
    return "".join(pieces) + text[end:]


def finds(text: str, key: str, region: str) -> Iterator[Find]:
    """Yield the distinctive forms in a text that stands under a key."""
    if not text or not (is_distinctive(text) or _is_phone_key(key)):
        return
    # They may overlap: of which of them an erased person is, only the list knows.
    yield from _address_finds(text)
    whole = _whole_references(text, key, region)
    if whole:
        yield Find(0, len(text), whole)
    is_url = "/" in text or "?" in text
    for part in _URL_PART.finditer(text) if is_url or "%" in text else ():
        references = _part_references(part.group(), region) if is_url else ()
        references += _encoded_addresses(part.group())
        if references:
            yield Find(part.start(), part.end(), references)


def _address_finds(text: str) -> list[Find]:
    if _PLAIN_ADDRESS.fullmatch(text):
        # What nearly every trait with an address is: nothing is hidden, and it is the whole text.
        return [Find(0, len(text), tuple(f"email:{address}" for address in _addresses(text)))]
    matches: dict[tuple[int, int], set[str]] = {}
    for left, right in _SIDES:
        for match_start, match_end in islice(_spans(text, left, right), MAX_ADDRESSES):
            end = match_start + len(text[match_start:match_end].rstrip(_ENDS))
            for start in _starts(text, match_start, end):
                for address in _addresses(decoded(text[start:end])):
                    matches.setdefault((start, end), set()).add(f"email:{address}")
    return [Find(*place, tuple(sorted(refs))) for place, refs in sorted(matches.items())]


def _spans(text: str, left: re.Pattern[str], right: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where each sign between two sides of an address reaches."""
    end = 0
    for sign in _AT_SIGN.finditer(text):
        # One that was encoded may be a part of the right side before it.
        if sign.start() < end:
            continue
        domain = right.match(text, sign.end(), sign.end() + _LONGEST_SIDE)
        local = left.match(text[max(0, sign.start() - _LONGEST_SIDE) : sign.start()][::-1])
        if domain and local:
            end = domain.end()
            yield sign.start() - local.end(), end


def _starts(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where an address may begin: with the match, or after what another script wrote."""
    yield start
    local = _AT_SIGN.split(text[start:end], maxsplit=1)[0]
    ascii_tail = _ASCII_START.match(local[::-1])
    if ascii_tail is not None and ascii_tail.end() < len(local):
        yield start + len(local) - ascii_tail.end()
    stripped = len(local) - len(local.lstrip("'`{|}*-.!"))
    if stripped:
        yield start + stripped


@remembered(maxsize=16_384)
def _addresses(text: str) -> tuple[str, ...]:
    """Return the addresses that a text may begin with, as they are stored."""
    addresses = []
    # The domain ends where a separator was encoded, or where another script goes on.
    for flags in (0, re.ASCII):
        match = re.match(r"[^\x00-\x20<>\"@]+@[\w.-]+", text, flags)
        if match is not None:
            with suppress(InvalidIdentifier):
                addresses.append(normalise("email", match.group().rstrip(_ENDS)))
    return tuple(addresses)


def _encoded_addresses(part: str) -> tuple[str, ...]:
    """Return the addresses in a part of which percent signs hide where they begin and end."""
    if "%" not in part:
        return ()
    return tuple(
        reference for find in _address_finds(decoded(part)) for reference in find.references
    )


def decoded(text: str) -> str:
    """Undo what hides an identifier: entities, percent signs twice, wide signs and letter case."""
    plain = unescaped = _unescaped(text)
    for _ in range(2):
        plain = unquote(plain, errors="replace")
    # Entities once: those that percent signs hid, where there were no others.
    text = plain if unescaped != text else _unescaped(plain)
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _unescaped(text: str) -> str:
    if "&#" in text:
        text = _ENTITY_TOO_LARGE.sub("\ufffd", _ENTITY_ZEROS.sub(r"\1", text))
    return html.unescape(text)


def _contacts(value: str, region: str) -> list[str]:
    """Return the address or international number that the whole of a value is."""
    text = decoded(value)
    wrapped = _WRAPPED.fullmatch(text)
    text = (
        (wrapped.group(1).strip() if wrapped else text).removeprefix("mailto:").removeprefix("tel:")
    )
    references = []
    if "@" in text:
        references += [f"email:{address}" for address in _addresses(text.partition("?")[0])]
    if _PHONE.fullmatch(text.strip()):
        number = _number(text.strip(), region)
        references += [f"phone:{number}"] if number else []
    return references


def _whole_references(text: str, key: str, region: str) -> tuple[str, ...]:
    if len(text) > _MOST_CHARACTERS:
        return ()
    plain = decoded(text).removeprefix("tel:").strip()
    references = []
    is_number = _PHONE.fullmatch(plain) or (_is_phone_key(key) and _PHONE_SIGNS.fullmatch(plain))
    if is_number and (number := _number(plain, region)):
        references.append(f"phone:{number}")
    if "://" not in text:
        references += _tokens(text)
    return tuple(references)


def _part_references(part: str, region: str) -> tuple[str, ...]:
    plain = decoded(part)
    references = _tokens(unquote(part))
    if _PHONE.fullmatch(plain) and (number := _number(plain, region)):
        references.append(f"phone:{number}")
    return tuple(references)


@remembered(maxsize=16_384)
def _number(text: str, region: str) -> str | None:
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        return normalise("phone", text, region=region)
    except InvalidIdentifier:
        return None


def _tokens(value: str) -> list[str]:
    """Return the reference of a value that is distinctive by itself, if it is."""
    text = unicodedata.normalize("NFKC", value).strip()
    if _UUID.fullmatch(text.casefold()):
        return [f"{TOKEN}:{text.casefold().replace('-', '')}"]
    # Addresses are looked for as such.
    if not _LEAST_OPAQUE <= len(text) <= _MOST_CHARACTERS:
        return []
    if not _PLAIN_ID.fullmatch(text) and re.search(r"[\s@]", decoded(text)):
        return []
    classes = sum(1 for sign_class in _CLASSES if sign_class.search(text))
    return [f"{TOKEN}:{text.casefold()}"] if classes >= 2 else []
