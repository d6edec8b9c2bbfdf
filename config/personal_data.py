"""What the tables of other packages hold, which no app of ours declares."""

from profiles.registry import registry

registry.exempt_foreign_tables(
    {
        "auth_group": "Roles of staff.",
        "auth_group_permissions": "What roles may do.",
        "auth_permission": "Names of permissions.",
        "auth_user": "Staff, for as long as they work here.",
        "auth_user_groups": "The roles that staff have, as long as their accounts.",
        "auth_user_user_permissions": "What single accounts may do, as long as they exist.",
        "django_admin_log": "Empty: audit entries take its place.",
        "django_content_type": "Names of models.",
        "django_migrations": "Names of migrations.",
        "django_session": "Sessions of staff, until they end.",
    }
)
