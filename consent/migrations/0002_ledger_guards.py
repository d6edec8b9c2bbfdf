"""What makes the ledger append-only in the database itself, whoever connects."""

from django.db import migrations

GUARD = """
CREATE FUNCTION consent_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER consent_event_no_truncate BEFORE TRUNCATE ON consent_consentevent
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER purpose_version_append_only BEFORE UPDATE OR DELETE ON consent_purposeversion
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER purpose_version_no_truncate BEFORE TRUNCATE ON consent_purposeversion
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER notice_version_append_only BEFORE UPDATE OR DELETE ON consent_noticeversion
    FOR EACH ROW EXECUTE FUNCTION consent_refuse_change();
CREATE TRIGGER notice_version_no_truncate BEFORE TRUNCATE ON consent_noticeversion
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
CREATE SEQUENCE consent_event_seq;

CREATE TABLE consent_consentstate (
    profile_id bigint NOT NULL,
    purpose_id bigint NOT NULL,
    state varchar(16) NOT NULL,
    version integer NOT NULL,
    decided_at timestamptz,
    valid_until timestamptz,
    is_objected boolean NOT NULL DEFAULT false,
    objected_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (profile_id, purpose_id)
) WITH (fillfactor = 80);
CREATE INDEX consent_state_by_purpose ON consent_consentstate (purpose_id, profile_id);
"""
UNGUARD = """
DROP TRIGGER consent_event_append_only ON consent_consentevent;
DROP TRIGGER consent_event_no_truncate ON consent_consentevent;
DROP TRIGGER purpose_version_append_only ON consent_purposeversion;
DROP TRIGGER purpose_version_no_truncate ON consent_purposeversion;
DROP TRIGGER notice_version_append_only ON consent_noticeversion;
DROP TRIGGER notice_version_no_truncate ON consent_noticeversion;
DROP FUNCTION consent_refuse_change();
DROP SEQUENCE consent_event_seq;
DROP TABLE consent_consentstate;
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
