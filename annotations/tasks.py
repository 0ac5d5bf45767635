"""Celery's door: one task, which runs the job that its row describes."""

from celery import shared_task

from annotations import jobs


@shared_task(name="annotations.run_job")
def run_job(job_id: int) -> None:
    jobs.run_job(job_id)
