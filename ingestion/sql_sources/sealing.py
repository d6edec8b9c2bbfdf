"""The address of a database, with its password, as it is stored."""

from cryptography.fernet import InvalidToken
from sqlalchemy.engine import URL

from ingestion.sql_sources.dialects import read_url
from ingestion.sql_sources.faults import WrongSqlSource
from profiles.lib.sealing import box

_SUBJECT = "addresses of SQL sources"


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
