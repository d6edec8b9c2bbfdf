"""Parts of JSON documents in SQL."""

from dataclasses import dataclass

from segments.compiler.fragments import Fragment, fill
from segments.language.nodes import Path


@dataclass(frozen=True, slots=True)
class Element:
    """A part of a JSON document. `document` is a jsonb expression that is never NULL."""

    document: Fragment
    path: Path


def json_value(element: Element) -> Fragment:
    """Return the element as jsonb, NULL where it is missing."""
    value = element.document
    # With a text, -> enters objects only, so a path never goes through a list.
    for step in element.path:
        value = fill("{value} -> {step}::text", value=value, step=step)
    return fill("({value})", value=value)


def text_value(element: Element) -> Fragment:
    """Return the element as text, NULL where it is missing."""
    parent = Element(element.document, element.path[:-1])
    value = element.document if not parent.path else json_value(parent)
    return fill("({value} ->> {step}::text)", value=value, step=element.path[-1])


def is_type(element: Element, name: str) -> Fragment:
    """Return the condition that the element has a JSON type: string, number, boolean or array."""
    template = "coalesce(jsonb_typeof({value}) = {name}::text, FALSE)"
    return fill(template, value=json_value(element), name=name)


def list_items(element: Element) -> Fragment:
    """Return the element as a jsonb list, an empty one where it is no list."""
    template = "CASE WHEN {is_list} THEN {value} ELSE '[]'::jsonb END"
    return fill(template, is_list=is_type(element, "array"), value=json_value(element))
