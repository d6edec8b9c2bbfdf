"""Salesforce: contacts, leads and orders (developer.salesforce.com, outbound messages), as SOAP."""

import hmac
from datetime import datetime
from typing import Any

from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.presets import Answer, Preset
from ingestion.presets.xml_content import read_xml
from profiles.lib.exact_json import UnreadableJSON

_ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
# Ids are of 15 signs, or of 18, of which the last three are a check sum.
_ID_LENGTH = 15


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the organisation that the message names: Salesforce signs nothing.

    The token of the address is what nobody else knows; this keeps another organisation out.
    """
    try:
        named = _notifications(read_xml(delivery.body)).get("OrganizationId")
    except UnreadableJSON:
        raise BadSignature from None
    given = named if isinstance(named, str) else ""
    made = secret.strip()[:_ID_LENGTH]
    if not hmac.compare_digest(made.encode(), given[:_ID_LENGTH].encode()):
        raise BadSignature


def _notifications(content: Any) -> dict[str, Any]:
    for name in ("Envelope", "Body", "notifications"):
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _read(delivery: Delivery) -> Any:
    """Return the records of a message, which are all of one kind, and that kind."""
    listed = _notifications(read_xml(delivery.body)).get("Notification")
    found = listed if isinstance(listed, list) else [listed]
    records = [
        {**each["sObject"], "notification_id": each.get("Id")}
        for each in found
        if isinstance(each, dict) and isinstance(each.get("sObject"), dict)
    ]
    return {"records": records, "kind": records[0].get("@type") if records else ""}


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("kind") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="salesforce",
    title="Salesforce",
    check=_check,
    is_signed=False,
    secret_fault=lambda secret: (
        ""
        if len(secret.strip()) in (_ID_LENGTH, _ID_LENGTH + 3)
        else "The organisation's id, of 15 or 18 signs."
    ),
    read=_read,
    answer=lambda delivery, secret, now: Answer(_ACK, "text/xml"),
    kind_of=_kind,
)
