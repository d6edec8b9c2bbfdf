"""The text part of a mail, made from its HTML.

Invariant: what can be read on the page is in the text, and every link has its address beside it.
"""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    {
        *("address", "article", "blockquote", "div", "footer", "h1", "h2", "h3", "h4", "h5"),
        *("h6", "header", "li", "ol", "p", "section", "table", "tr", "ul", "hr"),
    }
)
_HIDDEN = frozenset(("head", "style", "script", "title"))
_SPACES = re.compile(r"[ \t\r\f\v\n]+")


def text_of(html: str) -> str:
    """Return the words of a page, a line for each block."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [_SPACES.sub(" ", line).strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _HIDDEN or "data-preheader" in attributes:
            self.hidden.append(tag)
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in ("p", "h1", "h2", "h3") else "\n")
            self.parts.append("- " if tag == "li" else "")
        elif tag == "a":
            self.links.append(attributes.get("href") or "")
        elif tag == "img" and not self.hidden:
            self.parts.append(attributes.get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            if tag == self.hidden[-1]:
                self.hidden.pop()
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self.links:
            address = self.links.pop()
            self.parts.append(f" ({address})" if address else "")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            # Line breaks of the source are spaces of the page.
            self.parts.append(_SPACES.sub(" ", data))
