"""Addresses of the annotations API, under /api/v1/."""

from django.urls import URLPattern, URLResolver, path

from annotations.api import (
    adjudications,
    agreement,
    cases,
    gold,
    prevalence,
    projects,
    queue,
    rubric,
    steering,
    verdicts,
)

P = "projects/<slug:slug>/"
SLOT = f"{P}queue/<int:slot>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("projects/", projects.Projects.as_view(), name="api_projects"),
    path(P, projects.ProjectDetail.as_view(), name="api_project"),
    path(f"{P}rubric/", rubric.Rubric.as_view(), name="api_rubric"),
    path(f"{P}cases/", cases.Cases.as_view(), name="api_cases"),
    path(f"{P}cases/<int:pk>/", cases.CaseDetail.as_view(), name="api_case"),
    path(
        f"{P}cases/<int:pk>/annotations/", cases.CaseAnnotations.as_view(), name="api_annotations"
    ),
    path(f"{P}sheets/", cases.Sheets.as_view(), name="api_sheets"),
    path(f"{P}queue/next/", queue.QueueNext.as_view(), name="api_queue_next"),
    path(f"{SLOT}draft/", queue.QueueDraft.as_view(), name="api_queue_draft"),
    path(f"{SLOT}submit/", queue.QueueSubmit.as_view(), name="api_queue_submit"),
    path(f"{SLOT}skip/", queue.QueueSkip.as_view(), name="api_queue_skip"),
    path(f"{SLOT}heartbeat/", queue.QueueHeartbeat.as_view(), name="api_queue_heartbeat"),
    path(f"{SLOT}release/", queue.QueueRelease.as_view(), name="api_queue_release"),
    path(f"{P}queue/progress/", queue.QueueProgress.as_view(), name="api_queue_progress"),
    path(f"{P}queue/undo/", queue.QueueUndo.as_view(), name="api_queue_undo"),
    path(f"{P}sheets/<int:sheet>/reveal/", queue.SheetReveal.as_view(), name="api_sheet_reveal"),
    path(f"{P}sheets/<int:sheet>/revise/", queue.SheetRevise.as_view(), name="api_sheet_revise"),
    path(f"{P}queue/summary/", steering.QueueSummary.as_view(), name="api_queue_summary"),
    path(f"{P}queue/pause/", steering.QueuePause.as_view(), name="api_queue_pause"),
    path(f"{P}queue/resume/", steering.QueueResume.as_view(), name="api_queue_resume"),
    path(f"{P}queue/rule/", steering.QueueRule.as_view(), name="api_queue_rule"),
    path(f"{P}queue/changes/", steering.QueueChanges.as_view(), name="api_queue_changes"),
    path(
        f"{P}queue/changes/<int:change>/", steering.QueueChange.as_view(), name="api_queue_change"
    ),
    path(
        f"{P}queue/changes/<int:change>/cancel/",
        steering.QueueChangeCancel.as_view(),
        name="api_queue_change_cancel",
    ),
    path(f"{SLOT}take-back/", steering.QueueTakeBack.as_view(), name="api_queue_take_back"),
    path(f"{P}agreement/", agreement.Agreement.as_view(), name="api_agreement"),
    path(f"{P}prevalence/", prevalence.Prevalence.as_view(), name="api_prevalence"),
    path(f"{P}prevalence/next/", prevalence.PrevalenceNext.as_view(), name="api_prevalence_next"),
    path(
        f"{P}prevalence/draws/", prevalence.PrevalenceDraws.as_view(), name="api_prevalence_draws"
    ),
    path(f"{P}adjudications/", adjudications.Adjudications.as_view(), name="api_adjudications"),
    path(
        f"{P}adjudications/<int:pk>/opinions/",
        adjudications.Opinions.as_view(),
        name="api_opinions",
    ),
    path(
        f"{P}adjudications/<int:pk>/decisions/",
        adjudications.Decisions.as_view(),
        name="api_decisions",
    ),
    path(f"{P}gold/", gold.CurrentGold.as_view(), name="api_gold"),
    path(f"{P}releases/", gold.Releases.as_view(), name="api_releases"),
    path(f"{P}releases/<int:number>/", gold.ReleaseDetail.as_view(), name="api_release"),
    path(
        f"{P}releases/<int:number>/download/",
        gold.ReleaseDownload.as_view(),
        name="api_release_download",
    ),
    path(f"{P}verdicts/", verdicts.Verdicts.as_view(), name="api_verdicts"),
]
