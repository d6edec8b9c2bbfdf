"""What this app holds about people: how it is shown, moved and erased."""

from profiles.models import (
    AccountChange,
    ApiKey,
    ErasedNamespace,
    EventName,
    HealthMeasure,
    IdentityCaps,
    IdentityRule,
    IdentityRulesVersion,
    MatchModel,
    RulesApplication,
    SchemaKey,
    SchemaKeyDay,
    SchemaTally,
    SchemaVolume,
    SeenMessage,
    Source,
    StaffPreference,
    TraitDefinition,
)

# In this order people are shown what there is.
from profiles.personal_data import descriptions, identity, profiles
from profiles.registry import registry

__all__ = ["descriptions", "identity", "profiles"]

registry.exempt(
    {
        AccountChange: "Names an account, not a person.",
        ApiKey: "Names a service, not a person.",
        ErasedNamespace: "Names a kind of identifiers, not a person.",
        EventName: "A dictionary of what events are called.",
        IdentityCaps: "Configuration of all namespaces.",
        IdentityRule: "Configuration of a namespace.",
        IdentityRulesVersion: "Configuration of all namespaces, as it was.",
        RulesApplication: "How far a change of configuration has come, and who made it.",
        SchemaKey: "Names of properties with their types, without a value of anybody.",
        SchemaKeyDay: "Numbers of many messages, by day.",
        SchemaTally: "Names of properties with their types, until they are added up.",
        SchemaVolume: "Numbers of many messages, by day.",
        SeenMessage: "Keyed hashes of message ids, kept so that a late repeat is recognised.",
        HealthMeasure: "Shares of many people, without a value of anybody.",
        MatchModel: "Weights learnt from many people, without a value of anybody.",
        Source: "Names a system, not a person.",
        StaffPreference: "In which language staff read, as long as their accounts.",
        TraitDefinition: "Configuration of a trait, by its key.",
    },
    spread={SeenMessage: "digest"},
)
