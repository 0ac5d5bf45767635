"""`manage.py run_round --campaign demo --simulated-raters 3 --seed 7 --json`: one whole round."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotations import jobs
from annotations.errors import DomainError
from annotations.models import Job, Project
from campaigns import demo, launch
from campaigns.models import Campaign, Round
from campaigns.statuses import Step


class Command(BaseCommand):
    help = "Run a round as far as it goes; with simulated raters, to its end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", required=True, help="The project's short name (slug).")
        parser.add_argument("--simulated-raters", type=int, default=0, metavar="N")
        parser.add_argument("--size", type=int, help="Candidates to plan.")
        parser.add_argument("--seed", type=int)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            round_ = self.run(**options)
        except DomainError as error:
            raise CommandError(str(error)) from error
        report = report_of(round_)
        report["seconds"] = round(time.monotonic() - started, 1)
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.stdout.write(sentence_of(report))

    def run(self, *, campaign: str, simulated_raters: int, **options: Any) -> Round:
        """Open (or follow, or take up) the campaign's round and advance it in this process."""
        if campaign == demo.SLUG:
            demo.load()
        found = campaign_on(campaign)
        round_ = current_round(found, size=options["size"], seed=options["seed"])
        if simulated_raters and not round_.is_imported:
            Round.objects.filter(pk=round_.pk).update(simulated_raters=simulated_raters)
            project = found.project
            if project.overlap < simulated_raters:
                project.overlap = simulated_raters
                project.save(update_fields=["overlap"])
        job = wait_for(launch.begin(round_, by=None))
        if job.status != "done":
            raise DomainError(f"The round stopped: {job.error or job.status}")
        return Round.objects.get(pk=round_.pk)


def campaign_on(slug: str) -> Campaign:
    """The project's campaign; a project of imported cases gets one, whose first round is them."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
        raise DomainError(f"There is no project “{slug}”. There are: {known}.")
    campaign = launch.start_campaign(project, by=None)
    batch = project.batches.order_by("-id").first()
    if batch is not None and not campaign.rounds.exists():
        launch.open_round(campaign, by=None, batch=batch)
    return campaign


def current_round(campaign: Campaign, *, size: int | None, seed: int | None) -> Round:
    """The open round, or a new one; one that is reviewed is closed and followed."""
    round_ = campaign.rounds.exclude(status=Step.CLOSED).first()
    if round_ is None:
        return launch.open_round(campaign, by=None, size=size, seed=seed)
    if round_.status == Step.NEXT:
        round_ = launch.close_and_open_next(round_, by=None)
    if round_.status == Step.DRAFT:  # nothing is planned yet, so both can still be chosen
        round_.size = size or round_.size
        round_.seed = round_.seed if seed is None else seed
        round_.save(update_fields=["size", "seed"])
    return round_


def wait_for(job: Job) -> Job:
    """Run the job here; if the worker has it already, wait for the worker."""
    done = jobs.run_job(job.pk)
    while done is None:
        time.sleep(0.5)
        job.refresh_from_db()
        if not job.is_live:
            return job
        done = jobs.run_job(job.pk)
    return done


def report_of(round_: Round) -> dict[str, Any]:
    """What the round found, step by step."""
    return {
        "campaign": round_.campaign.project.slug,
        "round": round_.number,
        "status": round_.status,
        "target": str(round_.target) if round_.target else None,
        "target_is_simulated": bool(round_.target and round_.target.is_simulated),
        "simulated_raters": round_.simulated_raters,
        "seed": round_.seed,
        "candidates": round_.candidates.count(),
        "cases": round_.cases.count(),
        "findings": round_.findings,
    }


def sentence_of(report: dict[str, Any]) -> str:
    """The same in a few lines."""
    lines = [
        f"{report['campaign']}, round {report['round']}: now at {report['status']} "
        f"({report['cases']} cases, {report['seconds']} s)."
    ]
    if report["simulated_raters"]:
        lines.append(f"Labelled by {report['simulated_raters']} simulated raters, not by people.")
    for step, found in report["findings"].items():
        lines.append(f"  {step}: {json.dumps(found, default=str)[:300]}")
    return "\n".join(lines)
