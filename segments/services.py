"""The public functions of this app: saving, evaluating, previewing and explaining segments."""

from segments.activation.accounts import (
    DryRun,
    NewDestination,
    check_account,
    create_destination,
    dry_run,
    sample_of,
    update_destination,
)
from segments.activation.delivery import deliver
from segments.activation.derive import derive_told
from segments.activation.destinations.tools import load_tool, tool_keys
from segments.activation.truth import Refusal, Truth, truth_of
from segments.activation.upkeep import keep_webhooks, paused_webhooks
from segments.activation.webhooks import (
    create_webhook,
    delete_webhook,
    heard_segments,
    pause_webhook,
    replay,
    resume_webhook,
    rotate_secret,
    send_test,
    update_webhook,
)
from segments.automations.clicks import note_click
from segments.automations.dates import start_by_date
from segments.automations.history import Day, starts_by_day
from segments.automations.life import (
    archive_automation,
    create_automation,
    pause_automation,
    publish_automation,
    resume_automation,
    update_automation,
)
from segments.automations.mail import send_mails
from segments.automations.numbers import (
    GroupNumbers,
    StepNumbers,
    group_numbers,
    run_numbers,
    step_numbers,
)
from segments.automations.parser import parse_automation
from segments.automations.run import advance
from segments.automations.sensitivity import is_sensitive_automation, names_destination
from segments.automations.templates import Template, install_template, templates
from segments.automations.trial import Trial, try_automation
from segments.codes.giving import given_codes
from segments.codes.pools import (
    Stock,
    add_codes,
    create_pool,
    generate_codes,
    low_pools,
    stock_of,
    update_pool,
)
from segments.computed.life import (
    create_computed_trait,
    end_computed_trait,
    segments_asking_trait,
    update_computed_trait,
)
from segments.computed.verify import verify_computed
from segments.definitions.comparison import Comparison, compare
from segments.definitions.dependencies import check_definition, dependants
from segments.definitions.funnel import Step, funnel
from segments.definitions.live import effective_definition
from segments.definitions.previews import Preview, preview
from segments.definitions.save import SegmentError, create_segment, update_segment
from segments.definitions.sensitivity import sensitive_segments
from segments.definitions.stars import star_segment
from segments.definitions.versions import clone_segment, roll_back
from segments.definitions.why import Why, why
from segments.definitions.words import unknown_words
from segments.exports.orders import (
    ExportGone,
    ExportOrder,
    Link,
    approve_export,
    decline_export,
    expire_exports,
    find_by_code,
    make_link,
    order_export,
    take_export,
    waiting_exports,
    withdraw_export,
)
from segments.exports.people import Closed
from segments.exports.run import stop_silent_exports, write_export
from segments.families.life import create_family, end_family, part_in_words, update_family
from segments.families.movement import Move, movement
from segments.lib.failures import SegmentFailed, count_failed, require_open
from segments.lib.moments import MomentError
from segments.lists.life import create_list, delete_list, segments_asking, update_list
from segments.lists.people import ListChange, add_people, fill_list, people_on, remove_people
from segments.mail.compose import Letter
from segments.mail.life import (
    automations_sending,
    create_mail_template,
    delete_mail_template,
    update_mail_template,
)
from segments.mail.links import MailLink, find_mail_link
from segments.mail.preview import in_scheme, preview_mail, send_test_mail
from segments.memberships.archive import archive_segment, restore_segment
from segments.memberships.figures import Figures, figures, flags_of, overlap
from segments.memberships.past import BeforeHistory, size_at
from segments.memberships.pause import (
    pause_segment,
    require_delivering,
    resume_segment,
)
from segments.memberships.reads import find_segment
from segments.memberships.rebuild import (
    LeaseLostError,
    rebuild,
    recompute,
    recompute_family,
    resume_rebuilds,
)
from segments.memberships.refresh import (
    refresh_changed,
    refresh_due,
    refresh_woken,
    seconds_to_wakeup,
)
from segments.memberships.verify import true_shares, verify_memberships
from segments.overrides.groups import create_group, delete_group, update_group
from segments.overrides.people import (
    Decision,
    OverrideChange,
    release_overrides,
    set_overrides,
)

__all__ = [
    "BeforeHistory",
    "Closed",
    "Comparison",
    "Day",
    "Decision",
    "DryRun",
    "ExportGone",
    "ExportOrder",
    "Figures",
    "GroupNumbers",
    "LeaseLostError",
    "Letter",
    "Link",
    "ListChange",
    "MailLink",
    "MomentError",
    "Move",
    "NewDestination",
    "OverrideChange",
    "Preview",
    "Refusal",
    "SegmentError",
    "SegmentFailed",
    "Step",
    "StepNumbers",
    "Stock",
    "Template",
    "Trial",
    "Truth",
    "Why",
    "add_codes",
    "add_people",
    "advance",
    "approve_export",
    "archive_automation",
    "archive_segment",
    "automations_sending",
    "check_account",
    "check_definition",
    "clone_segment",
    "compare",
    "count_failed",
    "create_automation",
    "create_computed_trait",
    "create_destination",
    "create_family",
    "create_group",
    "create_list",
    "create_mail_template",
    "create_pool",
    "create_segment",
    "create_webhook",
    "decline_export",
    "delete_group",
    "delete_list",
    "delete_mail_template",
    "delete_webhook",
    "deliver",
    "dependants",
    "derive_told",
    "dry_run",
    "effective_definition",
    "end_computed_trait",
    "end_family",
    "expire_exports",
    "figures",
    "fill_list",
    "find_by_code",
    "find_mail_link",
    "find_segment",
    "flags_of",
    "funnel",
    "generate_codes",
    "given_codes",
    "group_numbers",
    "heard_segments",
    "in_scheme",
    "install_template",
    "is_sensitive_automation",
    "keep_webhooks",
    "load_tool",
    "low_pools",
    "make_link",
    "movement",
    "names_destination",
    "note_click",
    "order_export",
    "overlap",
    "parse_automation",
    "part_in_words",
    "pause_automation",
    "pause_segment",
    "pause_webhook",
    "paused_webhooks",
    "people_on",
    "preview",
    "preview_mail",
    "publish_automation",
    "rebuild",
    "recompute",
    "recompute_family",
    "refresh_changed",
    "refresh_due",
    "refresh_woken",
    "release_overrides",
    "remove_people",
    "replay",
    "require_delivering",
    "require_open",
    "restore_segment",
    "resume_automation",
    "resume_rebuilds",
    "resume_segment",
    "resume_webhook",
    "roll_back",
    "rotate_secret",
    "run_numbers",
    "sample_of",
    "seconds_to_wakeup",
    "segments_asking",
    "segments_asking_trait",
    "send_mails",
    "send_test",
    "send_test_mail",
    "sensitive_segments",
    "set_overrides",
    "size_at",
    "star_segment",
    "start_by_date",
    "starts_by_day",
    "step_numbers",
    "stock_of",
    "stop_silent_exports",
    "take_export",
    "templates",
    "tool_keys",
    "true_shares",
    "truth_of",
    "try_automation",
    "unknown_words",
    "update_automation",
    "update_computed_trait",
    "update_destination",
    "update_family",
    "update_group",
    "update_list",
    "update_mail_template",
    "update_pool",
    "update_segment",
    "update_webhook",
    "verify_computed",
    "verify_memberships",
    "waiting_exports",
    "why",
    "withdraw_export",
    "write_export",
]
