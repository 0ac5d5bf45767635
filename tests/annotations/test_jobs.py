"""Jobs: claimed once, fenced by their attempt, resumed where a killed worker stopped, cancelled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotations import jobs
from annotations.errors import DomainError
from annotations.jobs import Cancelled, Handler, JobRun, LostLease
from annotations.models import AuditEvent, Job
from annotations.statuses import JobStatus
from tests.threads import in_threads
from tests.world import World

KIND = "count_to_ten"


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing that comes after it runs."""


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs for which a worker was woken, in order; no message leaves the test."""
    found: list[int] = []
    monkeypatch.setattr(jobs, "wake", found.append)
    return found


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Handler]]:
    """The handlers, to which a test adds its own under KIND."""
    handlers: dict[str, Handler] = {}
    monkeypatch.setattr(jobs, "HANDLERS", handlers)
    monkeypatch.setattr(jobs, "SWEEPERS", [])
    return handlers


def count_to_ten(run: JobRun) -> dict[str, object]:
    """Counts in the checkpoint; says where this attempt began."""
    start = run.checkpoint.get("at", 0)
    for number in range(start + 1, 11):
        run.progress(number, 10, f"{number} of 10", at=number)
    return {"from": start}


def lapse(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


# ---- asking


def test_the_same_work_asked_for_twice_is_one_job(
    world: World, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    first = jobs.enqueue(KIND, {"to": 10}, project=world.project, by=world.lead)
    assert jobs.enqueue(KIND, {"to": 10}) == first
    assert jobs.enqueue(KIND, {"to": 11}) != first
    jobs.run_job(first.pk)
    assert jobs.enqueue(KIND, {"to": 10}) != first  # the first one is over


def test_a_worker_is_woken_only_once_the_row_is_there_to_see(
    db: None, handle: dict[str, Handler], woken: list[int],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    handle[KIND] = count_to_ten
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.enqueue(KIND, {})
        assert woken == []
    assert woken == [job.pk]


def test_work_that_nobody_knows_is_refused(db: None, handle: dict[str, Handler]) -> None:
    with pytest.raises(DomainError, match="No worker knows"):
        jobs.enqueue("fold_hats", {})
    assert not Job.objects.exists()


# ---- running


def test_a_job_runs_to_its_end_with_progress_and_result(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.run_here(jobs.enqueue(KIND, {}))
    assert (job.status, job.done, job.total, job.result) == ("done", 10, 10, {"from": 0})
    assert job.leased_until is None
    assert job.finished_at is not None


def test_a_job_is_claimed_once(db: None, handle: dict[str, Handler], woken: list[int]) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {})
    assert jobs.claim(job.pk) is not None
    assert jobs.claim(job.pk) is None
    with pytest.raises(DomainError, match="in other hands"):
        jobs.run_here(job)


@pytest.mark.django_db(transaction=True)
def test_of_four_workers_at_once_one_gets_the_job(
    handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {})
    claimed: list[Job | None] = []
    in_threads(4, lambda _: claimed.append(jobs.claim(job.pk)))
    assert len([found for found in claimed if found]) == 1


def test_a_handlers_error_is_kept_on_the_job_and_raised(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    def fail(run: JobRun) -> dict[str, object]:
        raise ZeroDivisionError("no hats to divide by")

    handle[KIND] = fail
    job = jobs.enqueue(KIND, {})
    with pytest.raises(ZeroDivisionError):
        jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == ("failed", "ZeroDivisionError: no hats to divide by")


def test_a_refusal_of_the_domain_fails_the_job_in_its_own_words(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    def refuse(run: JobRun) -> dict[str, object]:
        raise DomainError("Label first.")

    handle[KIND] = refuse
    job = jobs.run_here(jobs.enqueue(KIND, {}))
    assert (job.status, job.error) == ("failed", "Label first.")


# ---- the fence


def test_a_slow_worker_writes_nothing_once_another_has_taken_over(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {})
    first = jobs.claim(job.pk)
    assert first is not None
    slow = JobRun(first)
    slow.progress(3, 10, at=3)
    lapse(job)
    assert jobs.run_here(job).result == {"from": 3}
    with pytest.raises(LostLease, match="attempt 2"):
        slow.progress(4, 10, at=4)
    job.refresh_from_db()
    assert (job.status, job.done, job.checkpoint) == ("done", 10, {"at": 10})


def test_what_a_fenced_block_wrote_is_undone_when_it_fails(
    world: World, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.claim(jobs.enqueue(KIND, {}).pk)
    assert job is not None
    with pytest.raises(IntegrityError), JobRun(job).fenced():
        world.make_case("half-done") and world.make_case("half-done")
    assert not world.project.cases.exists()


# ---- death and resurrection


def test_after_a_kill_the_sweep_wakes_a_worker_that_goes_on_from_the_checkpoint(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    def die_at_four(run: JobRun) -> dict[str, object]:
        run.progress(4, 10, at=4)
        raise Killed

    handle[KIND] = die_at_four
    job = jobs.enqueue(KIND, {})
    with pytest.raises(Killed):
        jobs.run_job(job.pk)
    assert jobs.sweep() == 0  # the lease has not lapsed: perhaps it is only slow
    lapse(job)
    assert jobs.sweep() == 1
    handle[KIND] = count_to_ten
    done = jobs.run_job(woken[-1])
    assert done is not None
    assert (done.status, done.result, done.attempt) == ("done", {"from": 4}, 2)


WORKER = """
import sys, time, django
django.setup()
from annotations import jobs
def hang_at_four(run):
    run.progress(4, 10, at=4)
    print("at four", flush=True)
    time.sleep(60)
jobs.HANDLERS["count_to_ten"] = hang_at_four
jobs.run_job(int(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_process_killed_in_the_middle_loses_nothing(
    handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {})
    config = connection.get_connection_params()
    query = "&".join(f"{k}={config[k]}" for k in ("host", "port", "password") if config.get(k))
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{config['user']}@/{config['dbname']}?{query}",
    }
    worker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WORKER, str(job.pk)], env=environment,
        cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "at four\n"
        worker.send_signal(signal.SIGKILL)
    job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.RUNNING, 4)
    lapse(job)
    jobs.sweep()
    assert jobs.run_job(woken[-1]) is not None
    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"from": 4})


def test_a_job_whose_message_was_lost_is_sent_again(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {})
    assert jobs.sweep() == 0
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    jobs.sweep()
    assert woken == [job.pk]


def test_a_job_that_keeps_killing_its_worker_is_given_up(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    def die(run: JobRun) -> dict[str, object]:
        raise Killed

    handle[KIND] = die
    job = jobs.enqueue(KIND, {})
    for _ in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            jobs.run_job(job.pk)
        lapse(job)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == ("failed", "Given up after 5 attempts.")


def test_the_sweep_lets_others_look_for_work(
    db: None, handle: dict[str, Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(jobs, "SWEEPERS", [lambda: looked.append("rounds")])
    jobs.sweep()
    assert looked == ["rounds"]


# ---- cancelling


def test_a_waiting_job_is_cancelled_at_once(
    world: World, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {}, project=world.project)
    jobs.request_cancel(job, by=world.lead)
    assert jobs.run_job(job.pk) is None
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert AuditEvent.objects.get(verb="cancelled job").actor == world.lead


def test_a_running_job_stops_at_its_next_chunk_and_keeps_what_is_done(
    world: World, handle: dict[str, Handler], woken: list[int]
) -> None:
    def cancelled_at_three(run: JobRun) -> dict[str, object]:
        run.progress(3, 10, at=3)
        jobs.request_cancel(run.job, by=world.lead)
        run.progress(4, 10, at=4)
        return {}

    handle[KIND] = cancelled_at_three
    job = jobs.run_here(jobs.enqueue(KIND, {}, project=world.project))
    assert (job.status, job.done, job.checkpoint) == ("cancelled", 3, {"at": 3})


def test_a_cancelled_job_whose_worker_died_ends_with_the_sweep(
    world: World, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.enqueue(KIND, {}, project=world.project)
    jobs.claim(job.pk)
    jobs.request_cancel(job, by=world.lead)
    lapse(job)
    jobs.sweep()
    jobs.run_job(woken[-1])
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


def test_cancel_is_raised_inside_the_fence(
    db: None, handle: dict[str, Handler], woken: list[int]
) -> None:
    handle[KIND] = count_to_ten
    job = jobs.claim(jobs.enqueue(KIND, {}).pk)
    assert job is not None
    Job.objects.update(cancel_requested=True)
    with pytest.raises(Cancelled), JobRun(job).fenced():
        pytest.fail("the block must not be entered")
