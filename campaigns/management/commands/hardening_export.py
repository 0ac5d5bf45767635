"""`manage.py hardening_export --campaign demo --format sft --out FILE`, or `--check FILE`."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotations.errors import DomainError
from campaigns import hardening
from campaigns.models import Campaign
from campaigns.training.checking import Checked, check_file
from campaigns.training.rows import FORMATS, SFT


class Command(BaseCommand):
    help = "Write what a team fine-tunes its target with, from a release of gold; or check a file."

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_mutually_exclusive_group(required=True)
        doing.add_argument("--campaign", metavar="SLUG", help="The project's short name.")
        doing.add_argument(
            "--check", type=Path, metavar="FILE", help="Only read FILE and judge it."
        )
        parser.add_argument("--format", choices=FORMATS, default=SFT)
        parser.add_argument("--out", type=Path, metavar="FILE")
        parser.add_argument(
            "--release", type=int, metavar="N", help="Of gold; the newest if not said."
        )
        parser.add_argument("--criterion", default="", metavar="KEY", help="The first if not said.")
        parser.add_argument("--target", default="", help="Failures of this target only.")
        parser.add_argument("--benign", type=float, default=1.0, metavar="N",
                            help="Benign rows for each prompt that failed (sft); 1 if not said.")  # fmt: skip
        parser.add_argument("--refusal", default="", metavar="TEXT",
                            help="Where people settled no safe answer; marked so in the file.")  # fmt: skip
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self.check_file(options["check"], as_json=options["json"])
            return
        if options["out"] is None:
            raise CommandError("Say where to write: --out FILE.")
        try:
            export = self.prepare(options)
            write(export, options["out"])
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        summary = {**export.summary(), "file": str(options["out"])}
        self.stdout.write(json.dumps(summary, indent=2) if options["json"] else told(summary))

    def prepare(self, options: dict[str, Any]) -> hardening.Export:
        wish = hardening.Wish(
            options["format"], options["criterion"], options["target"], options["benign"],
            options["refusal"],
        )  # fmt: skip
        campaign = Campaign.objects.filter(project__slug=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign on a project “{options['campaign']}”.")
        return hardening.prepare(campaign, wish, release=options["release"])

    def check_file(self, path: Path, *, as_json: bool) -> None:
        """Tell what the file is; a bad one ends with a failure."""
        try:
            with path.open("rb") as file:
                found = check_file(file)
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from error
        self.stdout.write(json.dumps(as_data(found), indent=2) if as_json else told_check(found))
        if not found.is_good:
            raise CommandError(f"{path} is no training file yet.")


def write(export: hardening.Export, path: Path) -> None:
    """All or nothing: a run that was interrupted leaves no half of a file."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(hardening.lines(export, by=None))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def told(summary: dict[str, Any]) -> str:
    """The summary in a few lines."""
    lines = [
        f"{summary['file']}: {summary['rows']} rows ({summary['format']}), gold release "
        f"{summary['gold_release']['number']}.",
        f"{summary['prompts_with_a_safe_answer']} prompts with a safe answer that people settled, "
        f"{summary['prompts_with_the_standard_refusal']} with the refusal that you gave, "
        f"{summary['benign_rows']} benign requests answered well.",
    ]
    if summary["failures_without_a_safe_answer"]:
        lines.append(
            f"{summary['failures_without_a_safe_answer']} failures have no safe answer and are left "
            f"out: {', '.join(summary['without_a_safe_answer'])}."
        )
    lines += [f"{n} cases left out: {why}." for why, n in summary["left_out"].items()]
    return "\n".join(lines)


def as_data(found: Checked) -> dict[str, Any]:
    return {
        "good": found.is_good, "format": found.format, "rows": found.rows, "kinds": found.kinds,
        "standard_refusals": found.standard_refusals, "simulated": found.simulated,
        "problems": list(found.problems), "more_problems": found.more_problems,
    }  # fmt: skip


def told_check(found: Checked) -> str:
    """What a file holds, or what is wrong with it."""
    lines = list(found.problems)
    if found.more_problems:
        lines.append(f"And {found.more_problems:,} more problems.")
    if found.rows:
        kinds = ", ".join(f"{n} {kind}" for kind, n in found.kinds.items())
        lines.append(f"{found.rows} rows of the format {found.format or 'unknown'}: {kinds}.")
    return "\n".join(lines)
