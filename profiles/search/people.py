"""Finding people by part of a name or address, a name with a typo, or a number's last digits.

Invariant: nothing is written, and every look is bounded in rows and time. Who may not see contact
data must not be answered: each answer tells whether somebody is known.
"""

import re

from django.db import OperationalError, connection

from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import Profile
from profiles.search import sql

LEAST_LETTERS = 3  # of the longest word: an index of trigrams needs as many
MAX_LETTERS = 100
SECONDS = 1.0
_NUMBER = re.compile(r"[\d\s+().-]+")


def find_people(text: str, *, most: int) -> list[Profile]:
    """Return at most so many people whom the text may mean; nobody for too short a text.

    All words must occur. If they do in nobody, names that are nearly the same are taken.
    """
    words = _words(text)
    if max(map(len, words), default=0) < LEAST_LETTERS:
        return []
    longest, *others = sorted((f"%{_plain(word)}%" for word in words), key=len, reverse=True)
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.WITH_PARTS, {"longest": longest, "others": others, "most": most})
            ids = [pk for (pk,) in cursor.fetchall()]
            if not ids and not any(word.isdecimal() for word in words):
                cursor.execute(sql.ALLOW_TYPOS)
                cursor.execute(sql.WITH_WORDS_LIKE, {"text": " ".join(words), "most": most})
                ids = [pk for (pk,) in cursor.fetchall()]
    except OperationalError as error:
        fault_of(error)
        return []
    found = Profile.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _words(text: str) -> list[str]:
    """Return the words in lower case; of a telephone number the digits, as they are stored."""
    plain = text[:MAX_LETTERS].replace("\x00", "").strip().lower()
    if _NUMBER.fullmatch(plain):
        # National numbers begin with a zero that international ones do not have.
        digits = re.sub(r"\D", "", plain).lstrip("0")
        return [digits] if digits else []
    return plain.split()


def _plain(word: str) -> str:
    """Return the word for LIKE, where nothing in it is a wild card."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
