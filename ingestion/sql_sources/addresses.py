"""The address of a database, with its password, as staff give it and as it is stored."""

from cryptography.fernet import InvalidToken
from sqlalchemy.engine import URL

from ingestion.sql_sources.faults import WrongSqlSource
from profiles.lib.databases import dialects
from profiles.lib.databases.faults import WrongAddress
from profiles.lib.sealing import box

_SUBJECT = "addresses of SQL sources"


def read_url(text: str) -> URL:
    """Return the address of a database, with its driver and port. Raises WrongSqlSource."""
    try:
        return dialects.read_url(text)
    except WrongAddress as wrong:
        raise WrongSqlSource("url", wrong.code, wrong.detail) from None


def seal_url(url: URL) -> bytes:
    return box(_SUBJECT).encrypt(url.render_as_string(hide_password=False).encode())


def open_url(sealed: bytes | memoryview) -> URL:
    """Return a stored address. Raises WrongSqlSource where it is refused by now, or unreadable."""
    try:
        text = box(_SUBJECT).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        # The key of the installation is another one than when it was stored.
        raise WrongSqlSource("url", "unreadable", "the address once more") from None
    return read_url(text)
