"""The roles of staff as groups: marketer, steward, privacy officer, auditor, admin.

Permissions are made here where they do not exist yet: Django makes the missing ones only after all migrations have run.
"""

from django.db import migrations

SEEN_BY_ALL = {
    "profiles": ("profile", "source", "eventname", "traitdefinition"),
    "consent": ("purpose", "noticeversion", "consentstate"),
    "segments": ("segment",),
}
ALL_MODELS = {
    "profiles": (
        *("profile", "source", "eventname", "traitdefinition", "identityrule", "identityoutcome"),
        *("merge", "apikey"),
    ),
    "consent": (
        *("purpose", "noticeversion", "consentstate", "consentevent", "privacyrequest"),
        "suppression",
    ),
    "ingestion": ("writekey", "inboxrow", "rejectedmessage", "consentcategory", "droppedcount"),
    "segments": ("segment",),
    "auth": ("user", "group"),
}


def viewing(models):
    return {(app, model, f"view_{model}") for app, names in models.items() for model in names}


def doing(app, model, *verbs):
    return {(app, model, f"{verb}_{model}") for verb in verbs}


CONTACTS = {("profiles", "profile", "view_contact_data")}
RESTRICTED = {("profiles", "profile", "view_restricted_profile")}
STEWARDSHIP = (
    viewing({"profiles": ("identityrule", "identityoutcome", "merge")})
    | viewing({"ingestion": ("rejectedmessage", "inboxrow", "droppedcount", "consentcategory")})
    | doing("profiles", "profile", "change")
    | doing("profiles", "identityrule", "add", "change")
    | doing("profiles", "traitdefinition", "add", "change")
    | doing("profiles", "source", "change")
    | doing("ingestion", "rejectedmessage", "change")
    | doing("ingestion", "consentcategory", "add", "change", "delete")
)
PRIVACY = (
    viewing({"consent": ("consentevent", "privacyrequest", "suppression")})
    | viewing({"ingestion": ("droppedcount",)})
    | doing("profiles", "profile", "change")
    | doing("consent", "purpose", "add", "change")
    | doing("consent", "noticeversion", "add")
    | doing("consent", "privacyrequest", "add", "change")
)
ROLES = {
    "marketer": viewing(SEEN_BY_ALL) | doing("segments", "segment", "add", "change"),
    "steward": viewing(SEEN_BY_ALL) | CONTACTS | STEWARDSHIP,
    "privacy officer": viewing(SEEN_BY_ALL) | CONTACTS | RESTRICTED | PRIVACY,
    "auditor": viewing(ALL_MODELS) | CONTACTS | RESTRICTED,
    "admin": viewing(ALL_MODELS)
    | CONTACTS
    | RESTRICTED
    | STEWARDSHIP
    | PRIVACY
    | doing("segments", "segment", "add", "change")
    | doing("profiles", "source", "add", "change")
    | doing("profiles", "apikey", "add", "change")
    | doing("ingestion", "writekey", "add", "change")
    | doing("auth", "user", "add", "change")
    | doing("auth", "group", "add", "change"),
}


def make_roles(apps, schema_editor):
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for role, wanted in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        group.permissions.set(
            permissions.get_or_create(
                content_type=types.get_or_create(app_label=app, model=model)[0],
                codename=codename,
                defaults={"name": f"Can {codename.replace('_', ' ')}"},
            )[0]
            for app, model, codename in sorted(wanted)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0002_event_tables"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
