"""Device, system and browser, from the user agent."""

import re
from collections.abc import Mapping
from typing import Any

from ua_parser import Result, parse

from ingestion.enrichment.base import NOTHING, Conclusions, Enrichment
from profiles.lib.memory import remembered

# Longer ones are no browser's.
MAX_LENGTH = 512
_TELEVISION = re.compile(r"smart-?tv|hbbtv|apple ?tv|bravia|googletv|roku|aft[a-z]+ build", re.I)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|android(?!.*mobile)", re.I)
_PHONE = re.compile(r"iphone|ipod|mobile|android|windows phone", re.I)
_DESKTOP_SYSTEMS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Chrome OS"})


class UserAgent(Enrichment):
    """`device_type`, `system`, `system_version`, `browser` and `browser_version`."""

    def from_context(self, context: Mapping[str, Any]) -> Conclusions:
        agent = context.get("userAgent")
        is_readable = isinstance(agent, str) and 0 < len(agent) <= MAX_LENGTH
        return _read(agent) if is_readable else NOTHING


@remembered(maxsize=16_384)
def _read(agent: str) -> Conclusions:
    result = parse(agent)
    browser, system = result.user_agent, result.os
    known = {
        "device_type": _device_type(agent, result),
        "system": system.family if system else "",
        "system_version": _version(system),
        "browser": browser.family if browser else "",
        "browser_version": _version(browser),
    }
    return {name: value for name, value in known.items() if value}


def _version(part: Any) -> str:
    # The first number is what people are told apart by; all of them would tell single people.
    return part.major or "" if part else ""


def _device_type(agent: str, result: Result) -> str:
    if result.device and result.device.family == "Spider":
        return "bot"
    for kind, pattern in (("tv", _TELEVISION), ("tablet", _TABLET), ("phone", _PHONE)):
        if pattern.search(agent):
            return kind
    return "desktop" if result.os and result.os.family in _DESKTOP_SYSTEMS else ""
