"""The models of ingestion: messages on their way, and files of rows that are imported."""

from ingestion.models.forbidden import ForbiddenName
from ingestion.models.hooks import Hook, OrderAmounts
from ingestion.models.imports import FileImport, ImportPart, RefusedRow, SavedMapping
from ingestion.models.messages import (
    ConsentCategory,
    DrainPause,
    DroppedCount,
    InboxRow,
    MessageCount,
    RecentMessage,
    RejectedMessage,
    SigningSecret,
    WriteKey,
)
from ingestion.models.plans import PlanBreach, TrackingPlan
from ingestion.models.products import Product
from ingestion.models.sql_sources import SqlRow, SqlRun, SqlSource

__all__ = [
    "ConsentCategory",
    "DrainPause",
    "DroppedCount",
    "FileImport",
    "ForbiddenName",
    "Hook",
    "ImportPart",
    "InboxRow",
    "MessageCount",
    "OrderAmounts",
    "PlanBreach",
    "Product",
    "RecentMessage",
    "RefusedRow",
    "RejectedMessage",
    "SavedMapping",
    "SigningSecret",
    "SqlRow",
    "SqlRun",
    "SqlSource",
    "TrackingPlan",
    "WriteKey",
]
