"""What this app holds about people: messages and files on their way, and what was not taken."""

from ingestion.models import (
    ConsentCategory,
    DrainPause,
    DroppedCount,
    ForbiddenName,
    Hook,
    MessageCount,
    OrderAmounts,
    PlanBreach,
    Product,
    SavedMapping,
    SigningSecret,
    SqlRow,
    SqlRun,
    SqlSource,
    TrackingPlan,
    WriteKey,
)
from ingestion.personal_data import files, messages
from profiles.registry import registry

__all__ = ["files", "messages"]

registry.exempt(
    {
        SavedMapping: "Names of columns, and what they mean.",
        ConsentCategory: "Configuration: which purpose a category of a source means.",
        DrainPause: "Names a type of error.",
        DroppedCount: "Counts by source and day.",
        ForbiddenName: "Configuration: names of properties and traits.",
        Hook: "Names a source and a tool; the secret is sealed.",
        MessageCount: "Counts by source and hour.",
        OrderAmounts: "Amounts under a keyed digest of an order's number; names nobody.",
        PlanBreach: "Counts by source, day and names that staff wrote into the plan.",
        Product: "What is sold; names nobody.",
        SigningSecret: "Names a source, not a person.",
        SqlRow: "A keyed digest of a row that was read; names nobody.",
        SqlRun: "Says how far a query was read; its rows belong to an import.",
        SqlSource: "Configuration: a query, and what its columns mean; the address is sealed.",
        TrackingPlan: "Configuration: what a source should send.",
        WriteKey: "Names a source, not a person.",
    }
)
