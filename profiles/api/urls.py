"""Routes of the profiles API, below /api/v1/."""

from django.urls import path

from profiles.api import views

urlpatterns = [
    path("profiles/", views.ProfileList.as_view()),
    path("profiles/lookup/", views.ProfileLookup.as_view()),
    path("profiles/<uuid:uuid>/", views.ProfileDetail.as_view()),
    path("profiles/<uuid:uuid>/identifiers/", views.ProfileIdentifiers.as_view()),
    path("profiles/<uuid:uuid>/events/", views.ProfileEvents.as_view()),
    path("profiles/<uuid:uuid>/traits/", views.ProfileTraits.as_view()),
    path("profiles/<uuid:uuid>/segments/", views.ProfileSegments.as_view()),
    path("profiles/<uuid:uuid>/consents/", views.ProfileConsents.as_view()),
    path("profiles/<uuid:uuid>/merges/", views.ProfileMerges.as_view()),
    path("profiles/<uuid:uuid>/why-merged/", views.WhyMerged.as_view()),
    path("profiles/<uuid:uuid>/why-trait/", views.WhyTrait.as_view()),
]
