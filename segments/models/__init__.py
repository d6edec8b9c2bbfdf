"""The models of this app: segments with their memberships, history and exports,
computed traits, lists, webhooks, destinations, automations and mail templates.
"""

from segments.models.automations import (
    Automation,
    AutomationDecision,
    AutomationRun,
    AutomationVersion,
)
from segments.models.codes import Code, CodePool
from segments.models.computed import ComputedTrait
from segments.models.destinations import Destination, HandedPerson, KeyHolder
from segments.models.exports import ExportedPerson, MemberExport
from segments.models.lists import ListedPerson, StaticList
from segments.models.mail import MailTemplate, MailTemplateVersion
from segments.models.overrides import ExclusiveGroup, Override
from segments.models.segments import (
    FamilyVersion,
    Membership,
    MembershipChange,
    NotedProfile,
    Rebuild,
    Segment,
    SegmentFamily,
    SegmentSize,
    SegmentVersion,
    StagedMembership,
    Wakeup,
)
from segments.models.stars import SegmentStar
from segments.models.webhooks import (
    Delivery,
    ErasureNotice,
    Told,
    Webhook,
    WebhookEvent,
    WebhookSegment,
)

__all__ = [
    "Automation",
    "AutomationDecision",
    "AutomationRun",
    "AutomationVersion",
    "Code",
    "CodePool",
    "ComputedTrait",
    "Delivery",
    "Destination",
    "ErasureNotice",
    "ExclusiveGroup",
    "ExportedPerson",
    "FamilyVersion",
    "HandedPerson",
    "KeyHolder",
    "ListedPerson",
    "MailTemplate",
    "MailTemplateVersion",
    "MemberExport",
    "Membership",
    "MembershipChange",
    "NotedProfile",
    "Override",
    "Rebuild",
    "Segment",
    "SegmentFamily",
    "SegmentSize",
    "SegmentStar",
    "SegmentVersion",
    "StagedMembership",
    "StaticList",
    "Told",
    "Wakeup",
    "Webhook",
    "WebhookEvent",
    "WebhookSegment",
]
