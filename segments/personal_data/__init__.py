"""What this app holds about people: how it is shown, moved and erased."""

from profiles.registry import registry
from segments.models import (
    Automation,
    AutomationVersion,
    CodePool,
    ComputedTrait,
    Destination,
    ExclusiveGroup,
    FamilyVersion,
    MailTemplate,
    MailTemplateVersion,
    Rebuild,
    Segment,
    SegmentFamily,
    SegmentSize,
    SegmentStar,
    SegmentVersion,
    StaticList,
    Webhook,
    WebhookSegment,
)

# In this order people are shown what there is.
from segments.personal_data import by_hand, memberships, outlets

__all__ = ["by_hand", "memberships", "outlets"]

registry.exempt(
    {
        Automation: "A trigger, its steps and what is written to everybody alike.",
        AutomationVersion: "What an automation was, and who published it.",
        ComputedTrait: "How a trait is computed of everybody.",
        Webhook: "A receiver: its address, what it hears of, and its sealed secret.",
        CodePool: "What codes there are for, and until when.",
        Destination: "A tool: its settings and mapping, and its sealed credentials.",
        WebhookSegment: "Of which segments a webhook hears.",
        ExclusiveGroup: "The name of a group of segments.",
        MailTemplate: "What is written to everybody alike, with fields for what differs.",
        MailTemplateVersion: "What a mail template said, and who saved it.",
        FamilyVersion: "Boundaries between many people; those of few end with one of them.",
        SegmentFamily: "Which event and value parts people.",
        SegmentStar: "Which segments staff keep at hand, as long as their accounts.",
        Rebuild: "A lease on a computation.",
        Segment: "A definition, its status and its size.",
        SegmentSize: "How many members a segment had at a time.",
        SegmentVersion: "A definition and who wrote it.",
        StaticList: "The name of a list, and how often much of it changed.",
    }
)
