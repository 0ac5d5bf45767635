"""Addresses of the annotations pages."""

from django.urls import URLPattern, URLResolver, path

from annotations.views import (
    adjudication,
    agreement,
    cases,
    gold,
    importing,
    labelling,
    members,
    rubric,
    tokens,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<slug:slug>/rubric/", rubric.rubric, name="rubric"),
    path("p/<slug:slug>/rubric/draft/", rubric.draft, name="rubric_draft"),
    path("p/<slug:slug>/rubric/guideline/", rubric.guideline, name="rubric_guideline"),
    path("p/<slug:slug>/rubric/release/", rubric.release, name="rubric_release"),
    path("p/<slug:slug>/rubric/v/<int:number>/", rubric.read_version, name="rubric_version"),
    path("p/<slug:slug>/rubric/new/", rubric.criterion, name="criterion_new"),
    path("p/<slug:slug>/rubric/c/<slug:key>/", rubric.criterion, name="criterion"),
    path("p/<slug:slug>/rubric/c/<slug:key>/remove/", rubric.remove, name="criterion_remove"),
    path("p/<slug:slug>/rubric/c/<slug:key>/back/", rubric.put_back, name="criterion_put_back"),
    path("p/<slug:slug>/label/", labelling.label, name="label"),
    path("p/<slug:slug>/label/<int:pk>/", labelling.submit, name="label_submit"),
    path("p/<slug:slug>/label/<int:pk>/draft/", labelling.draft, name="label_draft"),
    path("p/<slug:slug>/label/<int:pk>/heartbeat/", labelling.heartbeat, name="label_heartbeat"),
    path("p/<slug:slug>/label/<int:pk>/skip/", labelling.skip, name="label_skip"),
    path("p/<slug:slug>/label/sheets/<int:pk>/", labelling.reveal, name="label_reveal"),
    path("p/<slug:slug>/adjudicate/", adjudication.waiting, name="adjudicate"),
    path("p/<slug:slug>/adjudicate/<int:pk>/", adjudication.case, name="adjudicate_case"),
    path("p/<slug:slug>/cases/<int:pk>/", cases.case, name="case"),
    path("p/<slug:slug>/import/", importing.upload, name="import"),
    path("p/<slug:slug>/import/jobs/<int:pk>/", importing.job, name="import_job"),
    path("p/<slug:slug>/import/<str:sha256>/", importing.preview, name="import_preview"),
    path("p/<slug:slug>/agreement/", agreement.agreement_page, name="agreement"),
    path("p/<slug:slug>/gold/", gold.gold, name="gold"),
    path("p/<slug:slug>/gold/release/", gold.release, name="gold_release"),
    path("p/<slug:slug>/gold/positive/<slug:key>/", gold.positive, name="gold_positive"),
    path("p/<slug:slug>/members/", members.members_page, name="members"),
    path("p/<slug:slug>/members/add/", members.add, name="member_add"),
    path("p/<slug:slug>/members/<int:pk>/", members.role, name="member_role"),
    path("account/tokens/", tokens.tokens_page, name="tokens"),
    path("account/tokens/<slug:key>/revoke/", tokens.revoke, name="token_revoke"),
]
