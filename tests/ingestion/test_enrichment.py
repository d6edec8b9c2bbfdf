"""Enrichment: what is concluded from messages, beside what was sent and never over it."""

import ipaddress
import struct
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from consent.models import ConsentBody
from ingestion.enrichment.base import Enrichment
from ingestion.enrichment.countries import country_of_name, country_of_phone
from ingestion.enrichment.locale import Locale
from ingestion.enrichment.user_agent import UserAgent
from ingestion.models import RejectedMessage
from ingestion.services import drain_inbox, mend_message, replay_message
from profiles.lib import exact_json
from profiles.models import Event, Source, TraitDefinition
from tests.factories import TESTER, make_purpose, profile_of
from tests.ingestion.conftest import Send

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
TABLET = (
    "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36"
)
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
TRAITS = ["ingestion.enrichment.traits.PhoneCountry", "ingestion.enrichment.traits.AddressCountry"]


def seen(context: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "event": "Seen", "context": context, **more}


def inferred() -> Any:
    return Event.objects.get().context.get("inferred")


@pytest.mark.parametrize(
    ("agent", "kind", "system", "browser"),
    [
        (IPHONE, "phone", "iOS", "Mobile Safari"),
        (WINDOWS, "desktop", "Windows", "Chrome"),
        (TABLET, "tablet", "Android", "Chrome"),
        (BOT, "bot", None, "Googlebot"),
    ],
)
def test_a_user_agent_tells_device_system_and_browser(
    agent: str, kind: str, system: str | None, browser: str
) -> None:
    known = UserAgent().from_context({"userAgent": agent})
    assert (known["device_type"], known.get("system"), known["browser"]) == (kind, system, browser)


@pytest.mark.parametrize("agent", ["", "x" * 600, 7, None, ["x"], "(((((" * 100])
def test_what_is_no_user_agent_tells_no_device(agent: Any) -> None:
    assert "device_type" not in UserAgent().from_context({"userAgent": agent})


@pytest.mark.parametrize(
    ("locale", "known"),
    [
        ("fr", {"language": "fr"}),
        ("fr-CA", {"language": "fr", "locale_country": "CA"}),
        ("zh-Hant_tw", {"language": "zh", "locale_country": "TW"}),
        ("de_AT.UTF-8", {"language": "de", "locale_country": "AT"}),
        ("en-XX", {"language": "en"}),
        ("français", {}),
        (7, {}),
    ],
)
def test_a_locale_tells_language_and_country(locale: Any, known: dict[str, str]) -> None:
    assert Locale().from_context({"locale": locale}) == known


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("France", "FR"),
        ("fr", "FR"),
        (" ALLEMAGNE ", "DE"),
        ("Österreich", "AT"),
        ("États-Unis", "US"),
        ("U.K.", ""),
        ("UK", "GB"),
        ("Nowhere", ""),
    ],
)
def test_countries_are_read_in_many_languages(name: str, code: str) -> None:
    assert country_of_name(name) == code


@pytest.mark.parametrize(
    ("number", "code"),
    [("+33612345678", "FR"), ("+14165550123", "CA"), ("+12125550123", "US"), ("12", "")],
)
def test_a_number_tells_its_country(number: str, code: str) -> None:
    assert country_of_phone(number) == code


@pytest.mark.django_db
def test_conclusions_stand_beside_what_was_sent(shop: Source, send: Send) -> None:
    context = {"userAgent": IPHONE, "locale": "fr-CA", "inferred": {"browser": "mine"}}
    send(seen(context))
    event = Event.objects.get()
    assert event.context["userAgent"] == IPHONE
    assert event.context["inferred"] == {
        "device_type": "phone",
        "system": "iOS",
        "system_version": "17",
        "browser": "Mobile Safari",
        "browser_version": "17",
        "language": "fr",
        "locale_country": "CA",
    }


@pytest.mark.django_db
def test_nothing_that_was_sent_passes_as_concluded(shop: Source, send: Send) -> None:
    send(seen({"inferred": {"browser": "mine"}, "page": {"path": "/"}}))
    assert Event.objects.get().context == {"page": {"path": "/"}}


@pytest.mark.django_db
def test_without_enrichments_a_context_stays_as_it_is(
    shop: Source, send: Send, settings: Settings
) -> None:
    settings.ENRICHMENTS = []
    send(seen({"userAgent": IPHONE}))
    assert Event.objects.get().context == {"userAgent": IPHONE}


@pytest.mark.django_db
def test_traits_are_concluded_with_their_origin_and_never_over_a_given_one(
    shop: Source, send: Send, settings: Settings
) -> None:
    settings.ENRICHMENTS = TRAITS
    traits = {"phone": "06 12 34 56 78", "address": {"country": "Belgique"}}
    send({"type": "identify", "userId": "u1", "traits": traits})
    known = profile_of("user_id:u1").traits
    assert (known["inferred_phone_country"], known["inferred_address_country"]) == ("FR", "BE")
    origins = TraitDefinition.objects.filter(key__startswith="inferred_")
    assert set(origins.values_list("origin", flat=True)) == {"inferred"}
    send({"type": "identify", "userId": "u2", "traits": {**traits, "inferred_phone_country": "CH"}})
    assert profile_of("user_id:u2").traits["inferred_phone_country"] == "CH"


@pytest.mark.django_db
def test_a_replayed_message_concludes_the_same(shop: Source, send: Send) -> None:
    send(seen({"userAgent": WINDOWS}, event="", messageId="m1"))
    rejected = RejectedMessage.objects.get()
    whole = seen({"userAgent": WINDOWS}, messageId="m1")
    mend_message(rejected, exact_json.dump_bytes(whole), actor=TESTER)
    replay_message(rejected, actor=TESTER)
    drain_inbox()
    concluded = inferred()
    assert concluded["browser"] == "Chrome"
    send(seen({"userAgent": WINDOWS}, messageId="m2"))
    assert [each.context["inferred"] for each in Event.objects.all()] == [concluded] * 2


@pytest.mark.django_db
def test_the_country_of_an_address_needs_a_file_and_a_source_that_keeps_it(
    shop: Source, send: Send, settings: Settings, tmp_path: Path
) -> None:
    settings.GEO_DATABASE = str(write_countries(tmp_path / "countries.mmdb", "192.0.2.0/24", "FR"))
    send(seen({"ip": "192.0.2.7"}, messageId="m1"))
    Source.objects.update(keeps_address=True)
    send(seen({"ip": "192.0.2.8"}, messageId="m2"), seen({"ip": "no address"}, messageId="m3"))
    settings.GEO_DATABASE = ""
    send(seen({"ip": "192.0.2.9"}, messageId="m4"))
    contexts = {each.context["ip"]: each.context.get("inferred") for each in Event.objects.all()}
    assert contexts == {
        "192.0.2.7": None,
        "192.0.2.8": {"ip_country": "FR"},
        "no address": None,
        "192.0.2.9": None,
    }


@pytest.mark.django_db
def test_the_evidence_of_a_consent_is_what_was_sent(shop: Source, send: Send) -> None:
    make_purpose("newsletter")
    context = {"locale": "fr", "consent": {"categoryPreferences": {"newsletter": True}}}
    send(seen(context))
    assert inferred() == {"language": "fr"}
    assert ConsentBody.objects.get().evidence["context"] == context


class Failing(Enrichment):
    def from_context(self, context: Any) -> Any:
        raise RuntimeError("ada@example.org")


@pytest.mark.django_db
def test_one_that_fails_loses_no_message_and_tells_nobody(
    shop: Source, send: Send, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ENRICHMENTS = [f"{__name__}.Failing", "ingestion.enrichment.locale.Locale"]
    send(seen({"locale": "it"}))
    assert inferred() == {"language": "it"}
    assert "RuntimeError" in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.django_db
def test_the_example_of_a_hook_tells_the_weather(
    shop: Source, send: Send, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "weather.csv"
    file.write_text("date,country,weather,celsius\n2026-03-01,FR,rain,7.5\n")
    settings.WEATHER_FILE = str(file)
    settings.ENRICHMENTS = [
        "ingestion.enrichment.locale.Locale",
        "ingestion.enrichment.weather.Weather",
    ]
    send(seen({"locale": "fr-FR"}, timestamp="2026-03-01T10:00:00Z"))
    assert inferred() == {
        "language": "fr",
        "locale_country": "FR",
        "weather": "rain",
        "celsius": 7.5,
    }


def write_countries(path: Path, network: str, code: str) -> Path:
    """Write a file in MaxMind's format in which one network of version 4 has a country."""
    prefix = ipaddress.ip_network(network)
    bits = f"{int(prefix.network_address):032b}"[: prefix.prefixlen]
    count = len(bits)
    # A record of a node is the number of the next node, that of all for nothing, or of its data.
    nodes = [
        [
            count + 16
            if place + 1 == count and bit == side
            else place + 1
            if bit == side
            else count
            for side in "01"
        ]
        for place, bit in enumerate(bits)
    ]
    tree = b"".join(struct.pack(">I", record)[1:] for node in nodes for record in node)

    def text(value: str) -> bytes:
        return bytes([0x40 | len(value)]) + value.encode()

    def pairs(*items: bytes) -> bytes:
        return bytes([0xE0 | len(items) // 2]) + b"".join(items)

    data = pairs(text("country"), pairs(text("iso_code"), text(code)))
    metadata = pairs(
        *(text("node_count"), b"\xc1" + bytes([count]), text("record_size"), b"\xa1\x18"),
        *(text("ip_version"), b"\xa1\x04", text("database_type"), text("Country")),
        *(text("description"), pairs(), text("languages"), b"\x00\x04"),
        *(text("binary_format_major_version"), b"\xa1\x02"),
        *(text("binary_format_minor_version"), b"\xa0", text("build_epoch"), b"\x01\x02\x01"),
    )
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + metadata)
    return path
