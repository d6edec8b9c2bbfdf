"""Tools that send no JSON, ask an address for a proof, or want to read an answer; and orders that
later deliveries name."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from ingestion.models import OrderAmounts
from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.presets import ROOT, load_preset
from ingestion.presets.xml_content import read_xml
from ingestion.services import drain_inbox, prune_amounts, register_hook
from profiles.lib.exact_json import UnreadableJSON
from profiles.models import Event
from tests.factories import TESTER, profile_of
from tests.ingestion.hook_signatures import (
    RSA_KEY,
    SECRET,
    SIGNED_BY,
    form_of_2checkout,
    form_of_braintree,
    secret_of,
)

FORM = "application/x-www-form-urlencoded"


def make_hook(tool: str) -> str:
    source, token = register_hook("shop", preset=tool, secret=secret_of(tool), actor=TESTER)
    return f"/hooks/{source.key}/{token}/"


def deliver(client: Client, address: str, tool: str, name: str, **changes: Any) -> Any:
    fixture = json.loads((ROOT / tool / "fixtures" / f"{name}.json").read_text())
    content = fixture["body"]
    (content["data"]["object"] if tool == "stripe" else content).update(changes)
    body = json.dumps(content).encode()
    headers = SIGNED_BY[tool](body, datetime.now(UTC))
    return client.post(address, body, content_type="application/json", headers=headers)


def values_of(profile: Any) -> dict[str, Decimal | None]:
    return dict(Event.objects.filter(profile=profile).values_list("name__name", "value"))


TRANSACTION = """<?xml version="1.0" encoding="UTF-8"?>
<notification>
  <timestamp type="datetime">2026-03-17T09:00:00Z</timestamp>
  <kind>transaction_disbursed</kind>
  <subject><transaction>
    <id>dhhknvbr</id><type>sale</type><amount>114.00</amount>
    <currency-iso-code>EUR</currency-iso-code><tax-amount>19.00</tax-amount>
    <shipping-amount nil="true"/><created-at type="datetime">2026-03-15T10:30:00Z</created-at>
    <customer><id>c42</id><email>ada@example.org</email></customer>
  </transaction></subject>
</notification>"""


@pytest.mark.django_db
def test_braintree_sends_xml_in_a_form_and_asks_for_a_proof(client: Client) -> None:
    address = make_hook("braintree")
    challenge = "20f9f8ed05f77439fe955c977e4c8a53"
    proof = client.get(address, {"bt_challenge": challenge}).content.decode()
    key = hashlib.sha1(b"private").digest()
    assert proof == "public|" + hmac.new(key, challenge.encode(), "sha1").hexdigest()
    assert client.get(address).status_code == 405
    body = form_of_braintree(TRANSACTION)
    assert client.post(address, body, content_type=FORM).json() == {"success": True, "messages": 2}
    drain_inbox()
    assert values_of(profile_of("email:ada@example.org")) == {"Order Completed": Decimal(95)}


@pytest.mark.django_db
def test_2checkout_sends_a_form_and_reads_a_receipt(client: Client) -> None:
    address = make_hook("twocheckout")
    fields = [
        ("SALEDATE", "2026-03-15 12:29:00"),
        ("REFNO", "1000037"),
        ("ORDERSTATUS", "COMPLETE"),
        ("FIRSTNAME", "Zoë"),
        ("CUSTOMEREMAIL", "zoe@example.org"),
        ("CURRENCY", "EUR"),
        ("IPN_PID[]", "1"),
        ("IPN_PID[]", "2"),
        ("IPN_PNAME[]", "Software program"),
        ("IPN_PNAME[]", "Another"),
        ("IPN_VAT[]", "10.00"),
        ("IPN_VAT[]", "8.00"),
        ("IPN_TOTALGENERAL", "114.00"),
        ("IPN_SHIPPING", "6.00"),
        ("IPN_SHIPPING_TAX", ""),
        ("IPN_DATE", "20260315122905"),
        ("TIMEZONE_OFFSET", "GMT+02:00"),
    ]
    answer = client.post(address, form_of_2checkout(fields), content_type=FORM)
    assert answer["Content-Type"] == "text/xml"
    assert answer.content.startswith(b'<sig algo="sha256" date="20')
    drain_inbox()
    event = Event.objects.get()
    assert (event.value, event.timestamp) == (
        Decimal(90),
        datetime(2026, 3, 15, 10, 29, tzinfo=UTC),
    )
    assert [each["product_id"] for each in event.properties["products"]] == ["1", "2"]
    assert profile_of("email:zoe@example.org").traits["first_name"] == "Zoë"


def test_the_receipt_of_2checkout_is_that_of_its_documentation() -> None:
    fields = [
        ("IPN_PID[]", "1"),
        ("IPN_PNAME[]", "Software program"),
        ("IPN_DATE", "20050303123434"),
    ]
    body = form_of_2checkout(fields)
    make = load_preset("twocheckout").answer
    assert make is not None
    answer = make(Delivery(body, {}), SECRET, datetime(2005, 3, 3, 12, 34, 34, tzinfo=UTC))
    assert 'date="20050303123434">' in answer.text


ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound">
<OrganizationId>{organisation}</OrganizationId><ActionId>04k</ActionId>
{notifications}</notifications></soapenv:Body></soapenv:Envelope>"""
NOTIFICATION = """<Notification><Id>04l{number}</Id>
<sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
<sf:Id>003{number}</sf:Id><sf:Email>{email}</sf:Email><sf:FirstName>Ada</sf:FirstName>
<sf:SystemModstamp>2026-03-15T10:30:00.000Z</sf:SystemModstamp></sObject></Notification>"""


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3])
def test_salesforce_sends_soap_and_reads_an_acknowledgement(client: Client, count: int) -> None:
    address = make_hook("salesforce")
    contacts = "".join(
        NOTIFICATION.format(number=number, email=f"ada{number}@example.org")
        for number in range(count)
    )
    body = ENVELOPE.format(organisation="00D5g000004AbCdEAK", notifications=contacts)
    answer = client.post(address, body, content_type="text/xml")
    assert b"<Ack>true</Ack>" in answer.content
    drain_inbox()
    assert profile_of("salesforce_contact:0030").traits["email"] == "ada0@example.org"
    for wrong in ("00D5g000004Other", ""):
        body = ENVELOPE.format(organisation=wrong, notifications=contacts)
        assert client.post(address, body, content_type="text/xml").status_code == 401
    assert client.post(address, "<soap", content_type="text/xml").status_code == 401


@pytest.mark.django_db
def test_hubspot_sends_a_list(client: Client) -> None:
    source, token = register_hook("crm", preset="hubspot", secret=SECRET, actor=TESTER)
    address = f"/hooks/{source.key}/{token}/"
    event = {"subscriptionType": "contact.propertyChange", "propertyName": "email"}
    event |= {"propertyValue": "ada@example.org", "objectId": 7, "occurredAt": 1773570600000}  # type: ignore[dict-item]
    body = json.dumps([event, {**event, "subscriptionType": "deal.creation"}]).encode()
    milliseconds = str(int(datetime.now(UTC).timestamp() * 1000))
    signed = b"POST" + f"http://testserver{address}".encode() + body + milliseconds.encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    headers = {
        "X-HubSpot-Signature-v3": signature,
        "X-HubSpot-Request-Timestamp": milliseconds,
    }
    answer = client.post(address, body, content_type="application/json", headers=headers)
    assert answer.json()["messages"] == 1


@pytest.mark.django_db
def test_ebay_asks_for_a_proof(client: Client) -> None:
    address = make_hook("ebay")
    proof = client.get(address, {"challenge_code": "code"}).json()["challengeResponse"]
    token = "a_token_of_thirty_two_signs_and_more"
    told = f"code{token}http://testserver{address}"
    assert proof == hashlib.sha256(told.encode()).hexdigest()


@pytest.mark.django_db
def test_commerce_reads_a_verdict(client: Client) -> None:
    address = make_hook("magento")
    answer = deliver(client, address, "magento", "order-paid-by-an-account")
    assert answer.json() == {"op": "success"}


@pytest.mark.django_db
def test_a_payment_of_mollie_that_is_told_by_its_id_says_nothing(client: Client) -> None:
    address = make_hook("mollie")
    answer = client.post(address, "id=tr_7UhSN1zuXS", content_type=FORM)
    assert answer.json() == {"success": True, "messages": 0}
    forged = "id=tr_1&type=payment&payment=x"
    assert client.post(address, forged, content_type=FORM).json()["messages"] == 0


@pytest.mark.django_db
def test_a_refund_that_names_nobody_is_the_buyers_and_their_share(client: Client) -> None:
    address = make_hook("paypal")
    deliver(client, address, "paypal", "order-of-one-unit")
    deliver(client, address, "paypal", "refund-of-a-part")
    drain_inbox()
    ada = profile_of("email:ada@example.org")
    # Half of 114 with tax and shipping, of which the goods are 90.
    assert values_of(ada) == {"Order Completed": Decimal(90), "Order Refunded": Decimal(45)}
    assert OrderAmounts.objects.count() == 1
    deliver(client, address, "paypal", "dispute-lost")
    drain_inbox()
    assert values_of(ada)["Dispute Lost"] == Decimal(45)


@pytest.mark.django_db
def test_a_guest_keeps_an_order_that_a_dispute_names(client: Client) -> None:
    address = make_hook("stripe")
    guest: dict[str, Any] = {"customer": None, "client_reference_id": None}
    deliver(client, address, "stripe", "check-out-paid", payment_intent="pi_1", **guest)
    deliver(client, address, "stripe", "dispute-lost", amount=5650)
    drain_inbox()
    values = values_of(profile_of("email:ada@example.org"))
    goods, lost = values["Order Completed"], values["Dispute Lost"]
    assert goods is not None
    assert lost == round(Decimal("56.50") * goods / Decimal(113), 2)


@pytest.mark.django_db
def test_what_is_given_back_whole_leaves_nothing_of_the_goods(client: Client) -> None:
    address = make_hook("stripe")
    deliver(client, address, "stripe", "check-out-paid", payment_intent="pi_1")
    parts = {"amount_refunded": 11300, "payment_intent": "pi_1"}
    deliver(client, address, "stripe", "charge-in-part-refunded-twice", **parts)
    body = json.loads((ROOT / "stripe/fixtures/charge-in-part-refunded-twice.json").read_text())
    body["body"]["data"]["object"] |= {"amount_refunded": 1000, "payment_intent": "pi_1"}
    body["body"]["data"]["previous_attributes"] = {"amount_refunded": 0}
    text = json.dumps(body["body"]).encode()
    headers = SIGNED_BY["stripe"](text, datetime.now(UTC))
    client.post(address, text, content_type="application/json", headers=headers)
    drain_inbox()
    events = Event.objects.values_list("name__name", "value")
    sold = sum(value for name, value in events if name == "Order Completed" and value)
    given = sum(value for name, value in events if name == "Order Refunded" and value)
    assert sold == given != 0


@pytest.mark.django_db
def test_amounts_of_orders_are_forgotten_after_two_years(client: Client) -> None:
    deliver(client, make_hook("paypal"), "paypal", "order-of-one-unit")
    prune_amounts()
    assert OrderAmounts.objects.count() == 1
    OrderAmounts.objects.update(recorded_at=datetime.now(UTC) - timedelta(days=731))
    prune_amounts()
    assert not OrderAmounts.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tool", "secret"),
    [
        ("paypal", "WEBHOOK_ID"),
        ("paypal", secret_of("magento")),
        ("ebay", "token"),
        ("magento", "key"),
        ("magento", "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----"),
        ("braintree", "key"),
        ("salesforce", ""),
        ("salesforce", "00D"),
    ],
)
def test_a_secret_that_lacks_a_part_is_refused(tool: str, secret: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        register_hook("shop", preset=tool, secret=secret, actor=TESTER)
    assert "secret" in refusal.value.message_dict
    with pytest.raises(CommandError):
        call_command(
            "create_source", "shop", "--preset", tool, "--secret", secret, stdout=StringIO()
        )


def test_a_certificate_is_taken_like_a_key() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts")])
    now = datetime(2026, 3, 15, 10, 30, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(RSA_KEY.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = builder.sign(RSA_KEY, SHA256()).public_bytes(Encoding.PEM).decode()
    headers = {key.lower(): value for key, value in SIGNED_BY["paypal"](b"{}", now).items()}
    check = load_preset("paypal").check
    check(Delivery(b"{}", headers), f"WEBHOOK_ID {pem}", now)
    with pytest.raises(BadSignature):
        check(Delivery(b"{}", headers), f"OTHER_ID {pem}", now)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"\xff",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        b"<a>" * 60 + b"</a>" * 60,
    ],
)
def test_xml_that_declares_or_nests_too_deep_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableJSON):
        read_xml(body)


def test_xml_is_read_like_json() -> None:
    body = (
        b'<s:a xmlns:s="x"><b-c>1</b-c><b-c/><l type="array"><d>2</d></l><e><![CDATA[<]]></e></s:a>'
    )
    assert read_xml(body) == {"a": {"b_c": ["1", None], "l": ["2"], "e": "<"}}
