"""What is held about a customer, in lines that anybody can read.

Invariant: only what the proved identifier reaches is read.
"""

from django.db import transaction

from consent import services
from consent.requests.archives.legible import PersonWords, person_in_words
from consent.requests.subjects import Subject
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock

# Of each section the newest rows are shown; the archive has all of them.
MAX_ROWS = 50


def own_data(subject: Subject, identifier_id: int) -> tuple[PersonWords, bool]:
    """Return what is held about the first person of a subject, and whether they have all of it.

    The subject is not nobody.
    """
    with transaction.atomic():
        if not subject.is_whole:
            # Reading a part moves identifiers for a moment, so nobody else may move any.
            people_lock()
            subject = services.find_own_subject(identifier_id)
        preview = services.preview_personal_data(
            subject.people[0],
            is_whole=subject.is_whole,
            at=database_now(),
            max_rows=MAX_ROWS,
        )
    words = person_in_words(preview["traits"], preview["sections"], preview["counts"])
    return words, subject.is_whole
