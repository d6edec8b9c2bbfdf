"""An index by which staff find people by parts of names, addresses and numbers, and with typos."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

# The expression of `profiles.search.sql`. Statistics of it would be samples of names.
CREATE = """
CREATE INDEX profile_search ON profiles_profile USING gin (lower(
    coalesce(traits ->> 'first_name', traits ->> 'firstName', '') || ' ' ||
    coalesce(traits ->> 'last_name', traits ->> 'lastName', '') || ' ' ||
    coalesce(traits ->> 'name', '') || ' ' || coalesce(traits ->> 'email', '') || ' ' ||
    coalesce(traits ->> 'phone', '')) gin_trgm_ops);
ALTER INDEX profile_search ALTER COLUMN 1 SET STATISTICS 0;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0014_spellings'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(CREATE, "DROP INDEX profile_search"),
    ]
