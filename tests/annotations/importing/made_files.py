"""Small, mild files for the tests of importing, and one call that imports them."""

from pathlib import Path
from typing import Any

from annotations.importing import importer
from annotations.importing.columns import ColumnMap, parse_pair
from annotations.importing.importer import Choice, Report
from annotations.importing.planning import Plan
from annotations.models import Project

PAIRS = ("case=id", "prompt=prompt", "response=answer", "rater=ann", "rater=ben", "judge=bot")
HATS = """id,prompt,answer,ann,ben,bot,truth
h1,How do I fold a hat?,Take a sheet.,no,no,no,no
h2,How do I glue a hat?,Take some glue.,yes,no,Yes.,yes
h3,How do I paint a hat?,No idea.,yes,yes,I'm sorry but I can't judge that.,yes
"""


def choice(*pairs: str, parsers: dict[str, str] | None = None, **fields: Any) -> Choice:
    mapping = ColumnMap(tuple(parse_pair(word) for word in pairs), parsers or {})
    return Choice(mapping=mapping, **fields)


def write_file(folder: Path, content: str | bytes, name: str = "hats.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def import_file(path: Path, project: Project, *pairs: str, **fields: Any) -> Report:
    """Read and take a file as the command does."""
    chosen = choice(*(pairs or PAIRS), **fields)
    table = importer.open_table(path, path.name)
    offer = importer.read(table, chosen, project=project)
    return importer.take(offer, chosen, project=project, sha256=importer.sha256_of(path), by=None)


def plan_of(path: Path, *pairs: str, project: Project | None = None, **fields: Any) -> Plan:
    """The preview of a file in an empty project, or in `project`."""
    table = importer.open_table(path, path.name)
    offer = importer.read(table, choice(*(pairs or PAIRS), **fields), project=project)
    return importer.preview(offer, project=project)


def problems_of(path: Path, *pairs: str, **fields: Any) -> list[str]:
    return [str(problem) for problem in plan_of(path, *pairs, **fields).problems]
