"""`manage.py import_cases`: makes a project, says what is wrong, and answers as JSON."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotations.models import Case, Membership, Project
from annotations.statuses import Role
from tests.annotations.importing.made_files import HATS, PAIRS, write_file
from tests.world import World

MAPS = [word for pair in PAIRS for word in ("--map", pair)]
pytestmark = pytest.mark.django_db


@pytest.fixture
def hats(tmp_path: Path) -> Path:
    return write_file(tmp_path, HATS)


def run(*arguments: str | Path) -> str:
    out = StringIO()
    call_command("import_cases", *(str(a) for a in arguments), stdout=out)
    return out.getvalue()


def run_json(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return found


def test_it_makes_the_project_its_rubric_and_its_owner(hats: Path) -> None:
    User.objects.create_user("olga")
    report = run_json(hats, "--project", "Hats", "--create", "--owner", "olga", *MAPS)
    project = Project.objects.get(name="Hats")
    assert (report["project"], report["cases_added"], report["positive"]) == ("hats", 3, ["yes"])
    assert Membership.objects.get(project=project, user__username="olga").role == Role.OWNER


def test_the_same_command_twice_adds_nothing(hats: Path) -> None:
    command = (hats, "--project", "Hats", "--create", *MAPS)
    assert "3 added, 0 here already" in run(*command)
    assert "Everything in this file is in hats already" in run(*command)
    assert Project.objects.count() == 1


def test_without_create_a_missing_project_says_how_to_make_it(hats: Path) -> None:
    with pytest.raises(CommandError, match="no project “Hats”: add --create"):
        run(hats, "--project", "Hats", *MAPS)


def test_a_preview_writes_nothing_and_tells_the_same_numbers(hats: Path) -> None:
    command = (hats, "--project", "Hats", "--create", *MAPS)
    preview = run_json(*command, "--dry-run")
    assert (Project.objects.count(), Case.objects.count()) == (0, 0)
    report = run_json(*command)
    same = ("cases_added", "labels_added", "judge_verdicts", "disagreements_queued", "gold_settled")
    assert {name: preview[name] for name in same} == {name: report[name] for name in same}


def test_problems_are_told_as_text_and_as_json(world: World, tmp_path: Path) -> None:
    path = write_file(tmp_path, HATS.replace("glue.,yes", "glue.,maybe"))
    out = StringIO()
    with pytest.raises(CommandError, match=r"(?s)Line 3, column “ann”.*Nothing was written"):
        call_command(
            "import_cases", str(path), "--project", world.project.slug, *MAPS, "--json", stdout=out
        )
    assert "Line 3, column “ann”" in json.loads(out.getvalue())["problems"][0]
    assert Case.objects.count() == 0


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--map", "prompt"], "write ROLE=COLUMN"),
        (["--judge-parser", "bot"], "write COLUMN=NAME"),
        (["--owner", "nobody"], "no user “nobody”"),
        (["--criterion", "No Key!"], "small letters"),
        (["--map", "rater=ann"], "mapped twice"),
    ],
)
def test_a_wrong_option_says_what_to_write(hats: Path, extra: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(hats, "--project", "Hats", "--create", *MAPS, *extra)
    assert Project.objects.count() == 0


def test_the_scale_of_a_released_rubric_can_not_be_changed(world: World, hats: Path) -> None:
    with pytest.raises(CommandError, match="has a released rubric"):
        run(hats, "--project", world.project.slug, *MAPS, "--positive", "no")


def test_a_missing_file_is_one_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(tmp_path / "none.csv", "--project", "Hats", "--create")


def test_without_a_mapping_the_names_are_guessed(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,prompt,response,rater_1,rater_2\n1,Fold?,So.,0,0\n")
    report = run_json(path, "--project", "Guessed", "--create")
    assert (report["labels_added"], report["scale"]) == (2, "binary")
