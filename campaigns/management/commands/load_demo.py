"""`manage.py load_demo`: the demonstration's campaigns and sign-ins. Safe to run twice."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from campaigns import demo


class Command(BaseCommand):
    help = "Load the demonstration campaigns and print their sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--without-example", action="store_true",
            help="Leave out the campaign that the worker runs with simulated raters.",
        )  # fmt: skip

    def handle(self, *args: Any, without_example: bool = False, **options: Any) -> None:
        demo.load()
        if not without_example:
            demo.load_example()
        self.stdout.write("Demo sign-ins (for this machine only):")
        for user in demo.USERS:
            self.stdout.write(f"  {user.role:<12} {user.username} / {demo.PASSWORD}")
