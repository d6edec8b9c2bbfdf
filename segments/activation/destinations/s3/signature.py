"""The signature of requests to services of the kind of S3: AWS Signature Version 4. Pure.

Source: AWS, "Signature Calculations for the Authorization Header".
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose requests are signed, for which region."""

    key_id: str
    secret: str
    region: str


def headers_of(
    account: Account, method: str, url: str, body: bytes, now: datetime
) -> dict[str, str]:
    """Return the headers of a request, signed at a time in UTC; its query needs no escaping."""
    parts = urlsplit(url)
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    digest = hashlib.sha256(body).hexdigest()
    signed = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(sorted(signed))
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    path = quote(parts.path or "/", safe="/-_.~")
    pairs = (part if "=" in part else f"{part}=" for part in parts.query.split("&") if part)
    request = "\n".join((method, path, "&".join(sorted(pairs)), *lines, "", names, digest))
    scope = f"{day}/{account.region}/s3/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{account.secret}".encode()
    for part in (day, account.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={account.key_id}/{scope}"
    return {
        "X-Amz-Content-Sha256": digest,
        "X-Amz-Date": stamp,
        "Authorization": f"{ALGORITHM} {credential},SignedHeaders={names},Signature={signature}",
    }
