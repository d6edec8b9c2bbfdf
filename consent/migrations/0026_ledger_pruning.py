"""Taking out of the ledger what proves nothing any more, by the one way that the database leaves."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

# The trigger lets go what a pruning names; only the function below names anything, and only what
# is of nobody and older than a year, whatever it is asked for. It runs with its owner's rights, and
# looks at tables of its own schema, which a temporary table cannot hide.
GUARD = """
CREATE FUNCTION consent_refuse_unpruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM consent_prunedlink p JOIN consent_ledgerseal s ON s.number = p.number
        WHERE s.event_id = OLD.id
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER consent_event_append_only ON consent_consentevent;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_unpruned();
CREATE TRIGGER ledger_pruning_append_only BEFORE UPDATE OR DELETE ON consent_ledgerpruning
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER ledger_pruning_no_truncate BEFORE TRUNCATE ON consent_ledgerpruning
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER pruned_link_append_only BEFORE UPDATE OR DELETE ON consent_prunedlink
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER pruned_link_no_truncate BEFORE TRUNCATE ON consent_prunedlink
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();

CREATE FUNCTION consent_prune_ledger(pruning uuid, signed_statement text, numbers bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    named bigint;
    holders bigint[];
BEGIN
    -- In two steps: on a cluster identifiers lie on other machines than the ledger.
    SELECT array_agg(e.identifier_id) INTO holders
    FROM consent_ledgerseal s JOIN consent_consentevent e ON e.id = s.event_id
    WHERE s.number = ANY(numbers);
    IF EXISTS (SELECT FROM profiles_identifier i WHERE i.id = ANY(holders)) THEN
        RAISE EXCEPTION 'somebody has this identifier' USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO consent_ledgerpruning (id, statement) VALUES (pruning, signed_statement);
    INSERT INTO consent_prunedlink (number, pruning_id)
    SELECT s.number, pruning
    FROM consent_ledgerseal s
    JOIN consent_consentevent e ON e.id = s.event_id
    WHERE s.number = ANY(numbers)
        AND e.received_at < now() - interval '365 days'
        AND NOT EXISTS (SELECT FROM consent_consentbody b WHERE b.event_id = e.id);
    GET DIAGNOSTICS named = ROW_COUNT;
    IF named <> cardinality(numbers) THEN
        RAISE EXCEPTION 'not all of these may be pruned' USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM consent_consentevent e USING consent_ledgerseal s
    WHERE s.event_id = e.id AND s.number = ANY(numbers);
END
$$;
REVOKE ALL ON FUNCTION consent_prune_ledger FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION consent_prune_ledger SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION consent_refuse_unpruned SET search_path = %I, pg_temp', current_schema());
END
$$;
"""
UNGUARD = """
DROP FUNCTION consent_prune_ledger;
DROP TRIGGER consent_event_append_only ON consent_consentevent;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
DROP FUNCTION consent_refuse_unpruned;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0025_letter_of_what_is_held")]
    operations = [
        # The link of an event outlives it.
        migrations.AlterField(
            model_name="ledgerseal",
            name="event",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="seal",
                to="consent.consentevent",
            ),
        ),
        migrations.CreateModel(
            name="LedgerPruning",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("statement", models.TextField(help_text="What was pruned: a compact JWS.")),
            ],
        ),
        migrations.CreateModel(
            name="PrunedLink",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "pruning",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="consent.ledgerpruning",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
