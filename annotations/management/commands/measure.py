"""`manage.py measure WHAT FILE`: labels in a file measured without a project or a database.

Each measurement is a module of `annotations.management.measuring` with `NAME`, `HELP`,
`add_arguments(parser)` and `run(options)`, which gives the text to print; a new one is listed here.
"""

from argparse import ArgumentParser
from typing import Any, Protocol

from django.core.management.base import BaseCommand

from annotations.management.measuring import agreement, consensus, prevalence


class Measurement(Protocol):
    """What the command needs of a measurement; `run` raises CommandError in plain sentences."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: dict[str, Any]) -> str: ...


MEASUREMENTS: tuple[Measurement, ...] = (agreement, consensus, prevalence)


class Command(BaseCommand):
    """Measures labels in a bare file."""

    help = "Measure labels in a file: CSV, TSV, JSONL, JSON or Parquet, also packed with gzip."
    # A bare file needs no database and no settings to be right.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command for each measurement."""
        kinds = parser.add_subparsers(dest="measurement", required=True, metavar="MEASUREMENT")
        for measurement in MEASUREMENTS:
            measurement.add_arguments(kinds.add_parser(measurement.NAME, help=measurement.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads, measures, prints; a wrong file or question is told in plain sentences."""
        chosen = {measurement.NAME: measurement for measurement in MEASUREMENTS}
        self.stdout.write(chosen[options["measurement"]].run(options))
