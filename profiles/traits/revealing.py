"""What in a text names or reaches a person, whatever key it stands under (pure)."""

import re

HIDDEN = "•••"
# Of a text that nobody reviewed, this much is shown.
MAX_UNKNOWN_LENGTH = 80
_ADDRESS = r"[^\s@<>\"']+(?:@|%40)[^\s@<>\"']+"
_URL = r"(?:https?://|www\.)[^\s<>\"']+"
_IBAN = r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?\b"
_CARD = r"\b\d(?:[ -]?\d){12,18}\b"
# Telephone numbers, international or national with a leading zero; not dates and order numbers.
_PHONE = r"(?:\+|\b0)\d(?:[ .()/-]?\d){7,}"
_IP = r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]{1,4}\b"
# Opaque identifiers and keys: long, of letters and digits.
_TOKEN = r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}\b"
_REVEALING = re.compile("|".join((_URL, _ADDRESS, _IBAN, _CARD, _PHONE, _IP, _TOKEN)))


def hide_revealing(text: str) -> str:
    """Return a text with addresses, numbers and ids of people hidden."""
    return _REVEALING.sub(HIDDEN, text)
