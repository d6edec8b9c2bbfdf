"""The models of profiles, in one module for each noun."""

from profiles.models.access import ApiKey, StaffPreference
from profiles.models.accounts import Account, AccountChange, AccountMember, AccountRecord
from profiles.models.audit import ActorKind, AuditBody, AuditEntry
from profiles.models.cases import IdentityCase
from profiles.models.events import Event, EventName, EventStat
from profiles.models.health import HealthMeasure
from profiles.models.identity import (
    DecisionVerdict,
    ErasedNamespace,
    Identifier,
    IdentityCaps,
    IdentityDecision,
    IdentityFact,
    IdentityOutcome,
    IdentityRule,
    IdentityRulesVersion,
    Merge,
    RulesApplication,
    TrustLevel,
)
from profiles.models.matching import MatchModel, MatchProposal
from profiles.models.profiles import Profile, ProfileChange, SeenMessage
from profiles.models.reading import StaffRead
from profiles.models.schema import SchemaKey, SchemaKeyDay, SchemaPart, SchemaTally, SchemaVolume
from profiles.models.sources import Party, Source
from profiles.models.traits import (
    ComputedValue,
    SourceRecord,
    SpecialTrait,
    TraitDefinition,
    TraitLock,
)

__all__ = [
    "Account",
    "AccountChange",
    "AccountMember",
    "AccountRecord",
    "ActorKind",
    "ApiKey",
    "AuditBody",
    "AuditEntry",
    "ComputedValue",
    "DecisionVerdict",
    "ErasedNamespace",
    "Event",
    "EventName",
    "EventStat",
    "HealthMeasure",
    "Identifier",
    "IdentityCaps",
    "IdentityCase",
    "IdentityDecision",
    "IdentityFact",
    "IdentityOutcome",
    "IdentityRule",
    "IdentityRulesVersion",
    "MatchModel",
    "MatchProposal",
    "Merge",
    "Party",
    "Profile",
    "ProfileChange",
    "RulesApplication",
    "SchemaKey",
    "SchemaKeyDay",
    "SchemaPart",
    "SchemaTally",
    "SchemaVolume",
    "SeenMessage",
    "Source",
    "SourceRecord",
    "SpecialTrait",
    "StaffPreference",
    "StaffRead",
    "TraitDefinition",
    "TraitLock",
    "TrustLevel",
]
