"""Routes of the profiles API, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from profiles.api.accounts import AccountViewSet
from profiles.api.audit import AuditViewSet
from profiles.api.cases import CaseViewSet
from profiles.api.decisions import ComparisonViewSet, DecisionViewSet
from profiles.api.explain import ExplanationViewSet
from profiles.api.health import IdentityHealthViewSet
from profiles.api.profiles import ProfileViewSet
from profiles.api.proposals import MatchProposalViewSet
from profiles.api.quarantines import QuarantineViewSet
from profiles.api.rules import IdentityRulesViewSet, RulesApplicationViewSet
from profiles.api.rules_sandbox import RulesSandboxViewSet
from profiles.api.rules_versions import RulesVersionViewSet
from profiles.api.traits import TraitViewSet

router = SimpleRouter(use_regex_path=False)
router.register("profiles", ProfileViewSet, basename="profile")
router.register("profiles", TraitViewSet, basename="profile-traits")
router.register("profiles", ExplanationViewSet, basename="profile-explanations")
router.register("identity/quarantines", QuarantineViewSet, basename="quarantine")
router.register("identity/cases", CaseViewSet, basename="identity-case")
router.register("identity/decisions", DecisionViewSet, basename="decision")
router.register(
    "identity/rules/applications", RulesApplicationViewSet, basename="rules-application"
)
router.register("identity/rules/versions", RulesVersionViewSet, basename="rules-version")
router.register("identity/rules/sandbox", RulesSandboxViewSet, basename="rules-sandbox")
router.register("identity/rules", IdentityRulesViewSet, basename="identity-rules")
router.register("identity/health", IdentityHealthViewSet, basename="identity-health")
router.register("identity/why-merged", ComparisonViewSet, basename="why-merged")
router.register("identity/why-not-merged", ComparisonViewSet, basename="why-not-merged")
router.register("accounts", AccountViewSet, basename="account")
router.register("match-proposals", MatchProposalViewSet, basename="match-proposal")
router.register("audit", AuditViewSet, basename="audit")

urlpatterns = router.urls
