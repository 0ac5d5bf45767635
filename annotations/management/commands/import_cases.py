"""`manage.py import_cases FILE --project NAME`: cases, labels and judges' verdicts from a file."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotations import members
from annotations.errors import BadInput, DomainError
from annotations.importing import importer
from annotations.importing.columns import ROLES, ColumnMap, parse_pair
from annotations.importing.importer import Choice, Report
from annotations.importing.words import PARSERS
from annotations.models import Membership, Project
from annotations.statuses import Role, Scale

MAP_HELP = (
    "what a column is, as ROLE=COLUMN; several times. Roles: "
    + ", ".join(ROLES)
    + ". Without any, the columns' names are guessed from. Ids of several columns: case=id,model."
)


class Command(BaseCommand):
    """Imports one file into one project, in one transaction."""

    help = "Import cases with labels and judges' verdicts: CSV, JSONL, JSON, Parquet, also gzip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, the project, and what is what."""
        add = parser.add_argument
        add("file", type=Path)
        add("--project", required=True, metavar="NAME", help="the project's name or slug")
        add("--create", action="store_true", help="make the project, and a rubric from the words")
        add("--owner", metavar="USERNAME", help="who owns a project that is made")
        add("--map", action="append", default=[], metavar="ROLE=COLUMN", help=MAP_HELP)
        add("--criterion", default="", metavar="KEY", help="which criterion the labels answer")
        add("--positive", action="extend", nargs="+", default=[], metavar="VALUE",
            help="answers of a new rubric that count as a failure seen")  # fmt: skip
        add("--scale", default="", choices=[*(str(s) for s in Scale)], help="of a new rubric")
        add("--judge-parser", action="append", default=[], metavar="COLUMN=NAME",
            help=f"how a judge's words are read: {', '.join(PARSERS)}")  # fmt: skip
        add("--batch", default="", metavar="NAME", help="the batch's name; else the file's")
        add("--no-queue", action="store_true", help="don't open places for labels that are missing")
        add("--dry-run", action="store_true", help="preview: say what would be done, write nothing")
        add("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads, checks, writes; what is wrong is told with line and column, and nothing is."""
        try:
            report = _import(options)
        except BadInput as error:
            self._refuse(error, as_json=options["json"])
        except DomainError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report), ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join(_lines(report)))

    def _refuse(self, error: BadInput, *, as_json: bool) -> NoReturn:
        problems = error.problems or [str(error)]
        if as_json:
            self.stdout.write(json.dumps({"problems": problems}, ensure_ascii=False, indent=2))
        raise CommandError("\n".join([*problems, importer.NOTHING_WRITTEN])) from error


def _import(options: dict[str, Any]) -> Report:
    path: Path = options["file"]
    choice = _choice(options)
    project = _find_project(options["project"])
    if project is None and not options["create"]:
        raise BadInput(f"There is no project “{options['project']}”: add --create to make it.")
    owner = _owner(options["owner"])
    table = importer.open_table(path, path.name)
    offer = importer.read(table, choice, project=project, may_create=options["create"])
    sha256 = importer.sha256_of(path)
    if options["dry_run"]:
        plan = importer.preview(offer, project=project)
        importer.check(plan)
        return importer.report_of(plan, table, sha256=sha256, project=project, done=None)
    notes = []
    with transaction.atomic():
        if project is None:
            project = members.create_project(options["project"], by=owner)
        report = importer.take(offer, choice, project=project, sha256=sha256, by=owner)
        if not Membership.objects.filter(project=project).exists():
            notes.append("Nobody is a member of the project yet: import with --owner USERNAME.")
    report.notes += notes
    return report


def _choice(options: dict[str, Any]) -> Choice:
    try:
        pairs = tuple(parse_pair(word) for word in options["map"])
    except ValueError as error:
        raise BadInput(str(error)) from error
    parsers = {}
    for word in options["judge_parser"]:
        column, equals, name = word.rpartition("=")
        if not equals:
            raise BadInput(f"“{word}” names no parser: write COLUMN=NAME.")
        parsers[column] = name
    return Choice(
        mapping=ColumnMap(pairs, parsers), criterion=options["criterion"], scale=options["scale"],
        positive=tuple(options["positive"]), batch=options["batch"],
        open_slots=not options["no_queue"],
    )  # fmt: skip


def _find_project(name: str) -> Project | None:
    by_slug = Project.objects.filter(slug=name).first()
    named = list(Project.objects.filter(name=name)[:2])
    if by_slug is None and len(named) > 1:
        raise BadInput(f"Several projects are called “{name}”: use the slug, {named[0].slug} …")
    return by_slug or next(iter(named), None)


def _owner(username: str | None) -> User | None:
    """The named user; else the only one who could be meant: one superuser, or one owner."""
    if username:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise BadInput(f"There is no user “{username}”: make the account first.")
        return user
    superusers = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    if superusers:
        return superusers[0] if len(superusers) == 1 else None
    owners = User.objects.filter(memberships__role=Role.OWNER).distinct()[:2]
    return owners[0] if len(owners) == 1 else None


def _headline(report: Report) -> str:
    if report.dry_run:
        return "Preview: nothing was written."
    if report.adds_nothing:
        return f"Everything in this file is in {report.project} already: nothing was added."
    return f"Imported into {report.project}."


def _lines(report: Report) -> list[str]:
    verdicts = ", ".join(
        f"{n:,} {status.replace('_', ' ')}" for status, n in sorted(report.judge_verdicts.items())
    )
    lines = [
        _headline(report),
        f"File            {report.file}, {report.rows:,} rows, sha256 {report.sha256[:16]}",
        f"Cases           {report.cases_added:,} added, {report.cases_there:,} here already",
        f"Labels          {report.labels_added:,} added, {report.labels_there:,} here already",
        f"Judges          {verdicts or 'no verdicts added'}, "
        f"{report.judge_verdicts_there:,} here already",
        f"Disagreements   {report.disagreements_queued:,} queued for adjudication",
        f"Gold            {report.gold_settled:,} settled, of which "
        f"{report.adjudications_imported:,} by the file's settled label",
        f"Places to label {report.slots_opened:,} opened",
    ]
    if report.criterion:
        positive = ", ".join(report.positive) or "none set"
        lines.append(f"Criterion       {report.criterion} ({report.scale}; positive: {positive})")
    lines += [f"  {name}: parser {judge['parser']}" for name, judge in report.judges.items()]
    return [*lines, *(f"Note: {note}" for note in report.notes)]
