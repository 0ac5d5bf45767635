"""`manage.py sweep_jobs --every 5`: wakes workers for lost jobs and looks for work that is due."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, close_old_connections

from annotations import jobs


class Command(BaseCommand):
    help = "Wake workers for jobs whose message or worker was lost. Runs for ever with --every."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, help="Seconds between sweeps; once without.")

    def handle(self, *args: Any, every: float | None = None, **options: Any) -> None:
        while True:
            try:
                jobs.sweep()
            except OperationalError as error:
                self.stderr.write(f"The database can't be reached: {error}")
                close_old_connections()
            if every is None:
                return
            time.sleep(every)
