"""Importing in the browser: upload, preview, confirm, job; and who must not."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from annotations import jobs, members
from annotations.errors import NotFound
from annotations.importing import uploads, work
from annotations.importing.importer import sha256_of
from annotations.models import Case, Job, Project
from annotations.statuses import JobStatus
from tests.annotations.importing.made_files import HATS, PAIRS, choice, write_file
from tests.world import World, signed_in

ROLES = {0: "case", 1: "prompt", 2: "response", 3: "rater", 4: "rater", 5: "judge"}
FORM = {"columns": "1", "name": "hats.csv", **{f"role-{n}": role for n, role in ROLES.items()}}


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var"


@pytest.fixture
def lead(client: Client, world: World) -> Client:
    return signed_in(client, world.lead)


def send(client: Client, project: Project, content: str, name: str = "hats.csv") -> str:
    """Upload a file; returns the address of its preview."""
    file = SimpleUploadedFile(name, content.encode())
    answer = client.post(reverse("import", args=[project.slug]), {"file": file})
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def stored(var: Path) -> list[str]:
    return sorted(path.name for path in (var / "uploads").iterdir())


def test_a_preview_guesses_shows_and_writes_nothing(lead: Client, world: World) -> None:
    page = lead.get(send(lead, world.project, HATS.replace("ann,ben", "rater_1,rater_2"))).content
    assert b"How do I fold a hat?" in page
    assert b'<option value="rater" selected>' in page
    assert b"Import 3 cases" in page
    assert (Case.objects.count(), Job.objects.count()) == (0, 0)


def test_confirming_hands_the_file_to_the_worker(lead: Client, world: World, var: Path) -> None:
    address = send(lead, world.project, HATS)
    answer = lead.post(address, {**FORM, "act": "import", "batch": "May", "open_slots": "on"})
    job = Job.objects.get(kind="import_cases")
    assert answer.headers["Location"] == reverse("import_job", args=[world.project.slug, job.pk])
    assert (job.status, Case.objects.count()) == (JobStatus.QUEUED, 0)
    assert b"Waiting for the worker" in lead.get(answer.headers["Location"]).content
    assert jobs.run_here(job).status == JobStatus.DONE
    assert Case.objects.get(external_id="h1").batch.name == "May"
    page = lead.get(answer.headers["Location"]).content
    assert b"Cases added" in page
    assert b"hx-trigger" not in page
    assert stored(var) == []


def test_the_progress_is_a_fragment_of_the_same_template(lead: Client, world: World) -> None:
    lead.post(send(lead, world.project, HATS), {**FORM, "act": "import"})
    job = Job.objects.get(kind="import_cases")
    address = reverse("import_job", args=[world.project.slug, job.pk])
    part = lead.get(address, headers={"HX-Request": "true"}).content
    assert part.strip().startswith(b"<section")
    assert b"every 2s" in part


def test_problems_are_shown_with_line_and_column_and_can_not_be_imported(
    lead: Client, world: World
) -> None:
    address = send(lead, world.project, HATS.replace("glue.,yes", "glue.,<i>maybe</i>"))
    page = lead.post(address, {**FORM, "act": "import"})
    assert page.status_code == 422
    assert b'<td class="num">3</td><td>ann</td>' in page.content
    assert b"&lt;i&gt;maybe&lt;/i&gt;" in page.content
    assert b'value="import"' not in page.content
    assert Job.objects.count() == 0


@pytest.mark.parametrize("content", ["", "id,p\n1", "id,p\n1,\x00\n"])
def test_a_file_that_can_not_be_read_is_a_page_that_says_so(
    lead: Client, world: World, content: str
) -> None:
    page = lead.get(send(lead, world.project, content))
    assert page.status_code == 200
    assert b"to mend first" in page.content


def test_hostile_text_is_shown_and_never_runs(lead: Client, world: World) -> None:
    rows = "id,prompt,answer\n<script>alert(1)</script>,<img src=x onerror=y>,=cmd()\n"
    page = lead.get(send(lead, world.project, rows)).content
    assert b"<script>alert(1)" not in page
    assert b"<img src=x" not in page
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_project_without_a_rubric_offers_the_words_as_answers(lead: Client, world: World) -> None:
    bare = members.create_project("Bare", by=world.lead)
    address = send(lead, bare, HATS)
    page = lead.post(address, {**FORM, "act": "preview", "criterion": "harm"}).content
    assert b'<input type="checkbox" name="positive" value="yes" checked>' in page
    lead.post(address, {**FORM, "act": "import", "criterion": "harm", "positive": "no"})
    jobs.run_here(Job.objects.get(project=bare))
    question = bare.rubric.released.criteria.get()
    assert (question.criterion.key, question.criterion.positive) == ("harm", ["no"])


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer", "stranger"])
def test_only_leads_import(client: Client, world: World, who: str) -> None:
    signed_in(client, getattr(world, who))
    expected = 404 if who == "stranger" else 403
    file = SimpleUploadedFile("hats.csv", HATS.encode())
    address = reverse("import", args=[world.project.slug])
    assert client.get(address).status_code == expected
    assert client.post(address, {"file": file}).status_code == expected
    preview = reverse("import_preview", args=[world.project.slug, "0" * 64])
    assert client.post(preview, {**FORM, "act": "import"}).status_code == expected
    assert client.get(reverse("import_job", args=[world.project.slug, 1])).status_code == expected
    assert Job.objects.count() == 0


def test_an_upload_of_another_project_can_not_be_previewed(lead: Client, world: World) -> None:
    address = send(lead, world.project, HATS)
    other = members.create_project("Other", by=world.lead)
    moved = address.replace(f"/p/{world.project.slug}/", f"/p/{other.slug}/")
    assert lead.get(moved).status_code == 404


@pytest.mark.parametrize("sha256", ["0" * 64, "..", "x" * 64])
def test_an_upload_that_is_gone_says_upload_again(lead: Client, world: World, sha256: str) -> None:
    answer = lead.get(reverse("import_preview", args=[world.project.slug, sha256]))
    assert answer.status_code == 404


def test_without_a_file_the_form_says_so(lead: Client, world: World) -> None:
    answer = lead.post(reverse("import", args=[world.project.slug]))
    assert answer.status_code == 422
    assert b"Choose a file first." in answer.content


def test_a_file_over_the_limit_is_not_kept(
    lead: Client, world: World, settings: Settings, var: Path
) -> None:
    settings.IMPORT_MAX_BYTES = 10
    file = SimpleUploadedFile("hats.csv", HATS.encode())
    answer = lead.post(reverse("import", args=[world.project.slug]), {"file": file})
    assert answer.status_code == 422
    assert stored(var) == []


@pytest.mark.parametrize(
    ("name", "clean"),
    [("../../etc/passwd", "passwd"), ("C:\\data\\a.csv", "a.csv"), ("", "upload"),
     ("a\x1b[2Jb.csv", "a[2Jb.csv"), ("x" * 300 + ".jsonl.gz", "x" * 91 + ".jsonl.gz")],
)  # fmt: skip
def test_a_files_name_is_only_a_name(name: str, clean: str) -> None:
    assert uploads.clean_name(name) == clean


def ask(world: World, var: Path) -> Job:
    """A stored upload and its queued job, as the preview's button makes them."""
    file = write_file(var.parent, HATS)
    sha256 = uploads.keep(SimpleUploadedFile("hats.csv", file.read_bytes()), project=world.project)
    assert sha256 == sha256_of(file)
    return work.ask(
        world.project, sha256=sha256, name="hats.csv", choice=choice(*PAIRS), by=world.lead
    )


def test_a_worker_killed_after_the_commit_reports_what_was_written(world: World, var: Path) -> None:
    job = ask(world, var)
    claimed = jobs.claim(job.pk)
    assert claimed is not None
    work.run_import(jobs.JobRun(claimed))  # the worker dies before it can say that it is done
    Job.objects.filter(pk=job.pk).update(leased_until=job.created_at)
    done = jobs.run_here(job)
    assert (done.attempt, done.status, done.result["cases_added"]) == (2, JobStatus.DONE, 3)
    assert Case.objects.count() == 3


def test_an_import_that_was_cancelled_in_between_writes_nothing(
    world: World, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(world, var)
    take = work.take

    def cancel_then_take(*args: object, **kwargs: object) -> object:
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        return take(*args, **kwargs)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(work, "take", cancel_then_take)
    assert jobs.run_here(job).status == JobStatus.CANCELLED
    assert Case.objects.count() == 0


def test_a_contradiction_found_by_the_worker_fails_the_job_in_words(
    world: World, var: Path
) -> None:
    job = ask(world, var)
    world.make_case("h1")
    failed = jobs.run_here(job)
    assert failed.status == JobStatus.FAILED
    assert "Line 2, column “id”: The case “h1” is here already" in failed.error


def test_uploads_that_nobody_confirmed_go_after_a_day(
    world: World, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = uploads.keep(SimpleUploadedFile("a.csv", b"id\n1\n"), project=world.project)
    uploads.remove_old()
    assert uploads.find(sha256, project=world.project).is_file()
    monkeypatch.setattr(uploads, "KEPT_FOR", -1)
    uploads.remove_old()
    with pytest.raises(NotFound, match="upload it again"):
        uploads.find(sha256, project=world.project)
