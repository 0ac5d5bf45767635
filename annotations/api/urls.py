"""Addresses of the annotations API, under /api/v1/."""

from django.urls import URLPattern, URLResolver, path

from annotations.api import adjudications, agreement, cases, gold, projects, queue, rubric, verdicts

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
    path(f"{P}agreement/", agreement.Agreement.as_view(), name="api_agreement"),
    path(f"{P}adjudications/", adjudications.Adjudications.as_view(), name="api_adjudications"),
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
