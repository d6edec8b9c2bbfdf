"""The public functions of ingestion, by which its API, admin and tasks write."""

from ingestion.catalogue.keep import delete_product, save_product, save_products
from ingestion.catalogue.pairs import product_pairs
from ingestion.consent_categories import delete_consent_category, save_consent_category
from ingestion.drain.loop import drain_inbox
from ingestion.drain.pauses import (
    MAY_TRY,
    current_pause,
    drain_is_paused,
    pause_reason,
    try_drain_now,
)
from ingestion.file_rows import cells_of
from ingestion.forbidden_names import TooManyNames, forbid_name, forbid_names, permit_name
from ingestion.imports.encodings import is_encoding
from ingestion.imports.faults import FileFault, MappingFaults
from ingestion.imports.job import finish_import, known_purposes, read_next_import
from ingestion.imports.products import CatalogueReport, import_products
from ingestion.imports.refused_file import refused_as_csv
from ingestion.imports.saved import delete_mapping, proposed_mapping, save_mapping
from ingestion.imports.trial import TrialReport, try_import
from ingestion.imports.uploads import (
    MAX_PART_BYTES,
    WrongOffset,
    WrongStatus,
    add_part,
    begin_import,
    cancel_import,
    expire_imports,
    inspect_import,
    prepare_import,
    received_bytes,
    start_import,
)
from ingestion.inbox.accept import accept
from ingestion.inbox.body import InboxBody, batch_of, unpack_message
from ingestion.inbox.counts import prune_counts
from ingestion.inbox.rates import seconds_to_wait
from ingestion.mending.faults import fault_groups, fault_path, with_fault_path
from ingestion.mending.mend import (
    MendReport,
    NotOpen,
    StillFaulty,
    fault_of,
    mend_message,
    mend_messages,
    replay_message,
)
from ingestion.mending.operations import Operation, Type, Verb
from ingestion.mending.plan_check import CheckReport, Verdict, check_plan, recent_bodies
from ingestion.mending.plan_draft import PlanDraft, draft_plan
from ingestion.plans.content import PlanFaults
from ingestion.plans.keep import plan_in_force, save_plan
from ingestion.portability import CopyFault, ImportedCopy, import_copy
from ingestion.presets.addresses import (
    UnknownPreset,
    address_of,
    change_hook,
    delete_hook,
    find_hook,
    register_hook,
    replace_address,
)
from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.facts import WrongMapping, parse_facts
from ingestion.presets.hooks import (
    answer_to,
    answer_to_challenge,
    check_signature,
    is_ping,
    is_tried_by_get,
    read_content,
    take_delivery,
)
from ingestion.presets.orders import prune_amounts
from ingestion.presets.presets import load_preset, parse_kinds, preset_keys
from ingestion.presets.trial import MappingTrial, propose_fact, try_mapping
from ingestion.schema_review import Reviewed, SchemaReview, UnknownInReview, own_name, review_schema
from ingestion.signing import create_signing_secret, revoke_signing_secret
from ingestion.sql_sources.faults import WrongSqlSource
from ingestion.sql_sources.keep import (
    SqlSourceDraft,
    create_sql_source,
    delete_sql_source,
    draft_of,
    failing_sql_sources,
    pause_sql_source,
    resume_sql_source,
    run_sql_source,
    update_sql_source,
)
from ingestion.sql_sources.outcomes import expire_runs as expire_sql_runs
from ingestion.sql_sources.preview import (
    PreviewRow,
    SqlPreview,
    position_text,
    preview_sql_source,
    read_sql_columns,
)
from ingestion.sql_sources.runs import read_next_sql_source
from ingestion.write_keys import create_write_key, register_source, revoke_write_key
from profiles.lib.databases.faults import SqlFault

__all__ = [
    "MAX_PART_BYTES",
    "MAY_TRY",
    "BadSignature",
    "CatalogueReport",
    "CheckReport",
    "CopyFault",
    "Delivery",
    "FileFault",
    "ImportedCopy",
    "InboxBody",
    "MappingFaults",
    "MappingTrial",
    "MendReport",
    "NotOpen",
    "Operation",
    "PlanDraft",
    "PlanFaults",
    "PreviewRow",
    "Reviewed",
    "SchemaReview",
    "SqlFault",
    "SqlPreview",
    "SqlSourceDraft",
    "StillFaulty",
    "TooManyNames",
    "TrialReport",
    "Type",
    "UnknownInReview",
    "UnknownPreset",
    "Verb",
    "Verdict",
    "WrongMapping",
    "WrongOffset",
    "WrongSqlSource",
    "WrongStatus",
    "accept",
    "add_part",
    "address_of",
    "answer_to",
    "answer_to_challenge",
    "batch_of",
    "begin_import",
    "cancel_import",
    "cells_of",
    "change_hook",
    "check_plan",
    "check_signature",
    "create_signing_secret",
    "create_sql_source",
    "create_write_key",
    "current_pause",
    "delete_consent_category",
    "delete_hook",
    "delete_mapping",
    "delete_product",
    "delete_sql_source",
    "draft_of",
    "draft_plan",
    "drain_inbox",
    "drain_is_paused",
    "expire_imports",
    "expire_sql_runs",
    "failing_sql_sources",
    "fault_groups",
    "fault_of",
    "fault_path",
    "find_hook",
    "finish_import",
    "forbid_name",
    "forbid_names",
    "import_copy",
    "import_products",
    "inspect_import",
    "is_encoding",
    "is_ping",
    "is_tried_by_get",
    "known_purposes",
    "load_preset",
    "mend_message",
    "mend_messages",
    "own_name",
    "parse_facts",
    "parse_kinds",
    "pause_reason",
    "pause_sql_source",
    "permit_name",
    "plan_in_force",
    "position_text",
    "prepare_import",
    "preset_keys",
    "preview_sql_source",
    "product_pairs",
    "propose_fact",
    "proposed_mapping",
    "prune_amounts",
    "prune_counts",
    "read_content",
    "read_next_import",
    "read_next_sql_source",
    "read_sql_columns",
    "received_bytes",
    "recent_bodies",
    "refused_as_csv",
    "register_hook",
    "register_source",
    "replace_address",
    "replay_message",
    "resume_sql_source",
    "review_schema",
    "revoke_signing_secret",
    "revoke_write_key",
    "run_sql_source",
    "save_consent_category",
    "save_mapping",
    "save_plan",
    "save_product",
    "save_products",
    "seconds_to_wait",
    "start_import",
    "take_delivery",
    "try_drain_now",
    "try_import",
    "try_mapping",
    "unpack_message",
    "update_sql_source",
    "with_fault_path",
]
