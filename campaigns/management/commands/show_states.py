"""`manage.py show_states [--write]`: the state diagram of docs/architecture.md, from the tables."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from campaigns.states_diagram import with_diagram


class Command(BaseCommand):
    help = "Print docs/architecture.md with its diagram made anew, or write it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, write: bool = False, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "architecture.md"
        text = with_diagram(path.read_text(encoding="utf-8"))
        if write:
            path.write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text)
