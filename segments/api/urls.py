"""The routes of this app, below `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from segments.api import (
    automations,
    code_pools,
    computed,
    destinations,
    exports,
    families,
    groups,
    lists,
    mail_templates,
    views,
    webhooks,
)

router = SimpleRouter()
router.register("segments", views.SegmentViewSet, basename="segment")
router.register("exports", exports.ExportViewSet, basename="export")
router.register("exclusive-groups", groups.ExclusiveGroupViewSet, basename="exclusive-group")
router.register("lists", lists.ListViewSet, basename="list")
router.register("mail-templates", mail_templates.MailTemplateViewSet, basename="mail-template")
router.register("computed-traits", computed.ComputedTraitViewSet, basename="computed-trait")
router.register("code-pools", code_pools.CodePoolViewSet, basename="code-pool")
router.register("rfm", families.RfmViewSet, basename="rfm")
router.register("life-cycles", families.LifeCycleViewSet, basename="life-cycle")
router.register("automations", automations.AutomationViewSet, basename="automation")
router.register("destinations", destinations.DestinationViewSet, basename="destination")
router.register("webhooks", webhooks.WebhookViewSet, basename="webhook")

urlpatterns = router.urls
