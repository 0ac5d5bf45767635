"""Long work: a `Job` row is the truth, a broker message only a wake-up.

A worker claims a job with one UPDATE (queued, or running with a lapsed lease) and raises its
`attempt`. Every write of a handler goes through `JobRun.fenced()`, which fails once a later attempt
has taken over, so that a worker that was only slow can't write beside its successor. A thread keeps
the lease alive; after kill -9 it lapses and `sweep` wakes another worker, which goes on from the
checkpoint.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotations import audit
from annotations.errors import DomainError
from annotations.models import Job, Project
from annotations.statuses import JobStatus

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5


class Cancelled(Exception):
    """Somebody asked for the job to stop; the handler's finished chunks stay."""


class LostLease(Exception):
    """A later attempt has taken the job over: this one must write nothing more."""


class JobRun:
    """What a handler holds while it works on one attempt of a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.attempt = job.attempt
        self.arguments: dict[str, Any] = job.arguments
        self.checkpoint: dict[str, Any] = job.checkpoint

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """A transaction that only the current attempt can commit. Raises when it is not ours."""
        with transaction.atomic():
            job = Job.objects.select_for_update().get(pk=self.job.pk)
            if job.attempt != self.attempt or job.status != JobStatus.RUNNING:
                raise LostLease(f"{job} was taken over by attempt {job.attempt}.")
            if job.cancel_requested:
                raise Cancelled(str(job))
            yield

    def progress(self, done: int, total: int, message: str = "", **checkpoint: Any) -> None:
        """Show how far the work is, and where a later attempt would go on."""
        self.checkpoint = {**self.checkpoint, **checkpoint}
        with self.fenced():
            Job.objects.filter(pk=self.job.pk).update(
                done=done,
                total=total,
                message=message[:300],
                checkpoint=self.checkpoint,
                leased_until=timezone.now() + LEASE,
            )


Handler = Callable[[JobRun], dict[str, Any]]
HANDLERS: dict[str, Handler] = {}
# Each finds work that is due and enqueues it; called by `sweep`.
SWEEPERS: list[Callable[[], None]] = []


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register a handler: `@handles("import_cases")`."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def enqueue(
    kind: str, arguments: dict[str, Any], *, project: Project | None = None, by: User | None = None
) -> Job:
    """Ask for work. The same kind and arguments, while live, is the same job."""
    if kind not in HANDLERS:
        raise DomainError(f"No worker knows how to do “{kind}”.")
    try:
        with transaction.atomic():
            job = Job.objects.create(kind=kind, arguments=arguments, project=project, created_by=by)
    except IntegrityError:
        live = [JobStatus.QUEUED, JobStatus.RUNNING]
        same = Job.objects.filter(kind=kind, arguments=arguments, status__in=live).first()
        if same is None:  # it ended in between
            return enqueue(kind, arguments, project=project, by=by)
        job = same
    transaction.on_commit(lambda: wake(job.pk))
    return job


def wake(job_id: int) -> None:
    """Send the wake-up. A broker that is down loses nothing: the sweep sends it again."""
    try:
        current_app.send_task("annotations.run_job", args=[job_id])
    except (OperationalError, OSError):
        log.warning("The broker can't be reached; job %s waits for the sweep.", job_id)


def claim(job_id: int) -> Job | None:
    """Take the job with one UPDATE, or None when it is done, cancelled or in other hands."""
    now = timezone.now()
    free = Q(status=JobStatus.QUEUED) | Q(status=JobStatus.RUNNING, leased_until__lt=now)
    taken = Job.objects.filter(free, pk=job_id).update(
        status=JobStatus.RUNNING, attempt=F("attempt") + 1, leased_until=now + LEASE, error=""
    )
    return Job.objects.get(pk=job_id) if taken else None


def run_job(job_id: int) -> Job | None:
    """Claim and run one job to its end; None when there was nothing to claim."""
    job = claim(job_id)
    if job is None:
        return None
    if job.cancel_requested:
        return _finish(job, JobStatus.CANCELLED)
    if job.attempt > MAX_ATTEMPTS:
        return _finish(job, JobStatus.FAILED, error=f"Given up after {MAX_ATTEMPTS} attempts.")
    run = JobRun(job)
    try:
        with _kept_alive(job):
            result = HANDLERS[job.kind](run)
    except Cancelled:
        return _finish(job, JobStatus.CANCELLED)
    except LostLease as lost:
        log.warning("%s", lost)
        return None
    except DomainError as error:
        return _finish(job, JobStatus.FAILED, error=str(error))
    except Exception as error:  # the job's row must say what happened, whatever it was
        log.exception("%s failed", job)
        _finish(job, JobStatus.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    return _finish(job, JobStatus.DONE, result=result)


def _finish(job: Job, status: JobStatus, **fields: Any) -> Job:
    Job.objects.filter(pk=job.pk, attempt=job.attempt).update(
        status=status, leased_until=None, finished_at=timezone.now(), **fields
    )
    job.refresh_from_db()
    return job


@contextmanager
def _kept_alive(job: Job) -> Iterator[None]:
    """Renew the lease from a thread while the handler works (a model fit can outlast a lease)."""
    stop = threading.Event()

    def renew() -> None:
        try:
            while not stop.wait(LEASE.total_seconds() / 3):
                Job.objects.filter(pk=job.pk, attempt=job.attempt).update(
                    leased_until=timezone.now() + LEASE
                )
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name=f"lease-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def request_cancel(job: Job, *, by: User | None) -> None:
    """Ask a live job to stop. A queued one stops at once, a running one at its next chunk."""
    Job.objects.filter(pk=job.pk).update(cancel_requested=True)
    Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(
        status=JobStatus.CANCELLED, finished_at=timezone.now()
    )
    audit.record("cancelled job", job, project=job.project, by=by)


def sweep() -> int:
    """Wake workers for jobs whose message or worker was lost; let each sweeper look for work."""
    now = timezone.now()
    lapsed = Q(status=JobStatus.RUNNING, leased_until__lt=now)
    unsent = Q(status=JobStatus.QUEUED, created_at__lt=now - timedelta(seconds=5))
    waiting = list(Job.objects.filter(lapsed | unsent).values_list("pk", flat=True))
    for job_id in waiting:
        wake(job_id)
    for sweeper in SWEEPERS:
        sweeper()
    return len(waiting)


def run_here(job: Job) -> Job:
    """Run a job in this process (commands do); the row is leased and fenced all the same."""
    done = run_job(job.pk)
    if done is None:
        raise DomainError(f"{job} is in other hands: wait for the worker, or cancel it.")
    return done
