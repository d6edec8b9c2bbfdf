"""XML of deliveries as the same objects and lists as JSON has.

Nothing outside a document is read, and a document that declares entities is refused.
"""

from typing import Any
from xml.etree import ElementTree

from profiles.lib.exact_json import UnreadableJSON

MAX_DEPTH = 40


def read_xml(body: bytes) -> Any:
    """Return a document as an object by the local names of its elements; repeated ones are a list.

    A dash in a name becomes `_`, as expressions write it. An attribute `type` is kept as `@type`
    beside children. Raises UnreadableJSON.
    """
    try:
        text = body.decode()
        if "<!" in text.replace("<![CDATA[", "").replace("<!--", ""):
            raise _unreadable("XML without declarations")
        root = ElementTree.fromstring(text)  # noqa: S314 - it declares nothing
    except (ElementTree.ParseError, UnicodeDecodeError):
        raise _unreadable("an XML document in UTF-8") from None
    return {_local(root.tag): _value(root, 0)}


def _value(element: ElementTree.Element, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise _unreadable(f"XML of at most {MAX_DEPTH} levels")
    children = [(_local(child.tag), _value(child, depth + 1)) for child in element]
    if element.get("type") == "array":
        return [value for _, value in children]
    if not children:
        return element.text.strip() if element.text else None
    filled: dict[str, Any] = {}
    for name, value in children:
        if name not in filled:
            filled[name] = value
        elif isinstance(filled[name], list):
            filled[name].append(value)
        else:
            filled[name] = [filled[name], value]
    kind = next((text for name, text in element.items() if _local(name) == "type"), "")
    return filled | ({"@type": _local(kind)} if kind else {})


def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2].replace("-", "_")


def _unreadable(detail: str) -> UnreadableJSON:
    return UnreadableJSON("not_xml", "", detail)
