"""How each provider signs, written from its documentation and not by the code that checks it."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECRET = "whsec_of_the_tests"
URL = "https://tessera.example.org/hooks/till/twh_1/"
Sign = Callable[[bytes, datetime], dict[str, str]]
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
# Of tools whose secret is more than a text of one's choice.
SECRETS = {
    "bigcommerce": "client_secret",
    "braintree": "public:private",
    "ebay": f"a_token_of_thirty_two_signs_and_more {pem_of(EC_KEY)}",
    "etsy": "whsec_" + base64.b64encode(b"the key of Etsy").decode(),
    "magento": pem_of(RSA_KEY),
    # A form takes the ends of lines away.
    "paypal": f"WEBHOOK_ID {pem_of(RSA_KEY)}".replace("\n", ""),
    "postmark": "user:password",
    "salesforce": "00D5g000004AbCd",
    "sendgrid": "".join(pem_of(EC_KEY).splitlines()[1:-1]),
    "ses": f"{TOPIC} {pem_of(RSA_KEY)}",
}


def secret_of(tool: str) -> str:
    return SECRETS.get(tool, SECRET)


def base64_of(header: str, prefix: str = "") -> Callable[[bytes, datetime], dict[str, str]]:
    def sign(body: bytes, now: datetime) -> dict[str, str]:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        return {header: prefix + base64.b64encode(digest).decode()}

    return sign


def hex_of(header: str, prefix: str = "") -> Callable[[bytes, datetime], dict[str, str]]:
    def sign(body: bytes, now: datetime) -> dict[str, str]:
        return {header: prefix + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}

    return sign


def sign_with_time(body: bytes, now: datetime) -> dict[str, str]:
    seconds = str(int(now.timestamp()))
    signed = seconds.encode() + b"." + body
    made = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={seconds},v1={'0' * 64},v1={made},v0=old"}


def sign_by_sha1(body: bytes, now: datetime) -> dict[str, str]:
    return {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), body, "sha1").hexdigest()}


def sign_with_address(body: bytes, now: datetime) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), URL.encode() + body, hashlib.sha256).digest()
    return {"X-Square-HmacSha256-Signature": base64.b64encode(digest).decode()}


def sign_behind_time(body: bytes, now: datetime) -> dict[str, str]:
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hmac.new(SECRET.encode(), at.encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    header = "X-Zendesk-Webhook-Signature"
    return {header: signature, f"{header}-Timestamp": at}


def sign_by_the_module(body: bytes, now: datetime) -> dict[str, str]:
    return {"X-Tessera-Signature": sign_with_time(body, now)["Stripe-Signature"]}


def sign_by_sha512(body: bytes, now: datetime) -> dict[str, str]:
    made = hmac.new(SECRET.encode(), body, "sha512").hexdigest().upper()
    return {"X-ANET-Signature": f"sha512={made}"}


def standard_of(key: bytes) -> Sign:
    def sign(body: bytes, now: datetime) -> dict[str, str]:
        seconds = str(int(now.timestamp()))
        made = hmac.digest(key, f"msg_1.{seconds}.".encode() + body, "sha256")
        signature = f"v1,{base64.b64encode(b'old').decode()} v1,{base64.b64encode(made).decode()}"
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        return dict(zip(names, ("msg_1", seconds, signature), strict=True))

    return sign


def sign_for_hubspot(body: bytes, now: datetime) -> dict[str, str]:
    milliseconds = str(int(now.timestamp() * 1000))
    signed = b"POST" + URL.encode() + body + milliseconds.encode()
    made = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    return {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": milliseconds}


def sign_for_paypal(body: bytes, now: datetime) -> dict[str, str]:
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = f"transmission|{at}|WEBHOOK_ID|{zlib.crc32(body)}".encode()
    signature = base64.b64encode(RSA_KEY.sign(signed, padding.PKCS1v15(), SHA256())).decode()
    return {
        "PayPal-Transmission-Id": "transmission",
        "PayPal-Transmission-Time": at,
        "PayPal-Transmission-Sig": signature,
        "PayPal-Auth-Algo": "SHA256withRSA",
    }


def sign_for_magento(body: bytes, now: datetime) -> dict[str, str]:
    signature = RSA_KEY.sign(base64.b64encode(body), padding.PKCS1v15(), SHA256())
    return {"x-adobe-commerce-webhook-signature": base64.b64encode(signature).decode()}


def sign_for_ebay(body: bytes, now: datetime) -> dict[str, str]:
    signature = base64.b64encode(EC_KEY.sign(body, ec.ECDSA(SHA1()))).decode()
    header = {"alg": "ecdsa", "kid": "k1", "signature": signature, "digest": "SHA1"}
    return {"X-EBAY-SIGNATURE": base64.b64encode(json.dumps(header).encode()).decode()}


def sign_for_sendgrid(body: bytes, now: datetime) -> dict[str, str]:
    seconds, header = str(int(now.timestamp())), "X-Twilio-Email-Event-Webhook"
    made = EC_KEY.sign(seconds.encode() + body, ec.ECDSA(SHA256()))
    signature = base64.b64encode(made).decode()
    return {f"{header}-Signature": signature, f"{header}-Timestamp": seconds}


def body_of_mailgun(now: datetime, token: str = "a1b2") -> bytes:
    seconds = str(int(now.timestamp()))
    made = hmac.new(SECRET.encode(), f"{seconds}{token}".encode(), "sha256").hexdigest()
    signature = {"timestamp": seconds, "token": token, "signature": made}
    return json.dumps({"signature": signature, "event-data": {"event": "accepted"}}).encode()


def body_of_sns(now: datetime, message: str = "{}", version: str = "2") -> bytes:
    parts = {
        "Message": message,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "TopicArn": TOPIC,
        "Type": "Notification",
    }
    signed = "".join(f"{name}\n{parts[name]}\n" for name in sorted(parts)).encode()
    algorithm = SHA256() if version == "2" else SHA1()
    made = RSA_KEY.sign(signed, padding.PKCS1v15(), algorithm)
    signature = base64.b64encode(made).decode()
    return json.dumps({**parts, "SignatureVersion": version, "Signature": signature}).encode()


def form_of_braintree(document: str) -> bytes:
    """Return the form that Braintree sends, whose payload ends in a line."""
    payload = base64.encodebytes(document.encode()).decode()
    key = hashlib.sha1(b"private").digest()
    made = hmac.new(key, payload.encode(), "sha1").hexdigest()
    fields = {"bt_signature": f"other|{'0' * 40}&public|{made}", "bt_payload": payload}
    return urlencode(fields).encode()


def form_of_2checkout(fields: list[tuple[str, str]]) -> bytes:
    """Return the form that 2Checkout sends: the length of each value is told in bytes."""
    text = "".join(f"{len(value.encode())}{value}" for _, value in fields)
    made = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
    return urlencode([*fields, ("HASH", "0" * 32), ("SIGNATURE_SHA2_256", made)]).encode()


SIGNED_BY: dict[str, Sign] = {
    "authorizenet": sign_by_sha512,
    "bigcommerce": standard_of(b"client_secret"),
    "ebay": sign_for_ebay,
    "edd": sign_by_the_module,
    "etsy": standard_of(b"the key of Etsy"),
    "hubspot": sign_for_hubspot,
    "magento": sign_for_magento,
    "mollie": hex_of("X-Mollie-Signature", "sha256="),
    "paypal": sign_for_paypal,
    "prestashop": sign_by_the_module,
    "custom": hex_of("X-Signature", "sha256="),
    "intercom": sign_by_sha1,
    "razorpay": hex_of("X-Razorpay-Signature"),
    "sendgrid": sign_for_sendgrid,
    "shopify": base64_of("X-Shopify-Hmac-Sha256"),
    "square": sign_with_address,
    "stripe": sign_with_time,
    "typeform": base64_of("Typeform-Signature", "sha256="),
    "woocommerce": base64_of("X-WC-Webhook-Signature"),
    "zendesk": sign_behind_time,
}

# What is signed, with the form that has the signature.
AT = datetime(2026, 3, 15, 10, 30, tzinfo=UTC)
SIGNED_IN_THE_BODY = {
    "mailgun": body_of_mailgun(AT),
    "ses": body_of_sns(AT),
    "braintree": form_of_braintree("<notification><kind>check</kind></notification>"),
    "twocheckout": form_of_2checkout([("REFNO", "1000037"), ("FIRSTNAME", "Zoë")]),
}

# Tools that sign nothing, and have a password instead.
BY_PASSWORD = ("postmark",)
