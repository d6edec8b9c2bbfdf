"""The fields of a page's forms, as a browser would send them."""

from html.parser import HTMLParser


class _Forms(HTMLParser):
    """Collects names and values of what is inside of forms that are posted."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._is_posted = False
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        name, value = told.get("name", ""), told.get("value", "")
        if tag == "form":
            self._is_posted = told.get("method", "").lower() == "post"
        if not self._is_posted:
            return
        if tag in ("select", "textarea"):
            self._open = name
            self.fields.setdefault(name, "")
        elif tag == "option" and ("selected" in told or not self.fields.get(self._open)):
            self.fields[self._open] = value
        elif tag == "input" and name and _is_sent(told):
            self.fields[name] = value or "on"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._open = ""
        elif tag == "form":
            self._is_posted = False

    def handle_data(self, data: str) -> None:
        if self._open and self.lasttag == "textarea":
            self.fields[self._open] += data


def _is_sent(attributes: dict[str, str]) -> bool:
    if attributes.get("type") in ("checkbox", "radio"):
        return "checked" in attributes
    return attributes.get("type") != "file" and attributes["name"] != "csrfmiddlewaretoken"


def fields_of(page: str) -> dict[str, str]:
    """Return the fields of the page's posted forms, each with its present value."""
    parser = _Forms()
    parser.feed(page)
    parser.fields.pop("", None)
    return parser.fields
