"""The tools that are known: each folder beside this module that has a `preset.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ingestion.presets.delivery import Delivery
from ingestion.presets.facts import FactMapping, parse_facts
from ingestion.presets.products import ProductMapping, parse_products

ROOT = Path(__file__).parent
Check = Callable[[Delivery, str, datetime], None]


class Answer(NamedTuple):
    """What a tool wants to read, beyond the status, and of which type it is."""

    text: str
    type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One tool: how its deliveries are checked, of which kind one is, and which are tests.

    `check` takes the delivery, the source's secret and the time, and raises BadSignature. A kind of
    `ignored` says nothing that another does not say better. A ping is answered, signed or not;
    `is_tried_by_get` says that the tool tries the address by GET, and `challenge` answers what such
    a GET asks, from its parameters, the secret and the address. `read` reads a body that is neither
    JSON nor a plain form (it raises UnreadableJSON), and `answer` says what a tool wants to read.
    `secret_fault` says what is wrong with a secret that has parts. `party` is whose data it sends.
    """

    key: str
    title: str
    check: Check
    kind_of: Callable[[Delivery], str]
    content_of: Callable[[Any], Any] = lambda content: content
    is_test: Callable[[Any], bool] = lambda content: False
    is_ping: Callable[[Delivery], bool] = lambda delivery: False
    ignored: frozenset[str] = frozenset()
    is_signed: bool = True
    is_tried_by_get: bool = False
    read: Callable[[Delivery], Any] | None = None
    answer: Callable[[Delivery, str, datetime], Answer | None] | None = None
    challenge: Callable[[Mapping[str, str], str, str], Answer | None] | None = None
    secret_fault: Callable[[str], str] = lambda secret: ""
    party: str = "first"


@cache
def preset_keys() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in ROOT.glob("*/preset.py")))


@cache
def load_preset(key: str) -> Preset:
    """Return the preset of a tool. Raises LookupError where there is none."""
    if key not in preset_keys():
        raise LookupError(key)
    preset: Preset = import_module(f"ingestion.presets.{key}.preset").PRESET
    return preset


@cache
def load_kinds(key: str) -> Mapping[str, tuple[FactMapping, ...]]:
    """Return the facts of each kind of delivery; none of a tool that the source maps itself."""
    path = ROOT / key / "mapping.yaml"
    return parse_kinds(yaml.safe_load(path.read_text())["kinds"]) if path.exists() else {}


@cache
def load_products(key: str) -> Mapping[str, ProductMapping]:
    """Return what a product is in each kind of delivery that is about one."""
    path = ROOT / key / "mapping.yaml"
    content = yaml.safe_load(path.read_text()) if path.exists() else {}
    return parse_products(content.get("products", {}))


def parse_kinds(content: Any) -> Mapping[str, tuple[FactMapping, ...]]:
    """Parse the facts of each kind. Raises WrongMapping."""
    return {str(kind): parse_facts(facts, f"kinds.{kind}") for kind, facts in content.items()}
