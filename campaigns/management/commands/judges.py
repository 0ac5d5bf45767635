"""`manage.py judges WHAT FILE`: judges fitted, scored and combined on files, without a project.

Each subject is a module of `campaigns.management.judging` with `NAME`, `HELP`,
`add_arguments(parser)` and `run(options)`, which gives the text to print; a new one is listed here.
"""

from argparse import ArgumentParser
from typing import Any, Protocol

from django.core.management.base import BaseCommand

from campaigns.management.judging import combinations, fit, score


class Subject(Protocol):
    """What the command needs of a subject; `run` raises CommandError in plain sentences."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: dict[str, Any]) -> str: ...


SUBJECTS: tuple[Subject, ...] = (fit, score, combinations)


class Command(BaseCommand):
    """Judges on bare files."""

    help = "Fit, score and combine judges on files: CSV, TSV, JSONL, JSON or Parquet."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command for each subject."""
        kinds = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
        for subject in SUBJECTS:
            subject.add_arguments(kinds.add_parser(subject.NAME, help=subject.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads, works, prints; a wrong file or question is told in plain sentences."""
        chosen = {subject.NAME: subject for subject in SUBJECTS}
        self.stdout.write(chosen[options["subject"]].run(options))
