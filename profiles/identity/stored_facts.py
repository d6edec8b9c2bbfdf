"""Reading the facts of whole components, which may have very many identifiers."""

from collections.abc import Collection

from django.db import connection

from profiles.identity import sql
from profiles.identity.replay import StoredFact
from profiles.lib.database import array_of

# Above so many identifiers each is looked up by itself.
MANY = 1_000


def facts_naming_any(identifier_ids: Collection[int]) -> list[StoredFact]:
    """Return the facts that name any of the identifiers, in order of `seq`."""
    with connection.cursor() as cursor:
        statement = sql.FACTS_OF_IDENTIFIERS
        if len(identifier_ids) > MANY:
            cursor.execute(sql.SORT_FACTS_INTO_INDEX)
            statement = sql.FACTS_OF_MANY_IDENTIFIERS
        cursor.execute(statement, [array_of(identifier_ids)])
        return [StoredFact(0, *row) for row in cursor.fetchall()]
