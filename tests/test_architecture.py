"""The house stays a house: one direction, algorithms without a framework, files that open with a sentence."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

import evalplatform

ROOT = Path(__file__).resolve().parents[1]
APPS = ("annotations", "campaigns", "evalplatform")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, TOOLS = PYPROJECT["project"], PYPROJECT["tool"]
CONTRACTS = TOOLS["importlinter"]["contracts"]
PURE = next(one for one in CONTRACTS if one["type"] == "forbidden")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "services", "common", "misc"}


def modules() -> Iterator[Path]:
    """Every module of the product that has something in it."""
    for app in APPS:
        yield from (file for file in (ROOT / app).rglob("*.py") if file.read_text().strip())


def test_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize("package", PURE["source_modules"])
def test_algorithms_load_without_any_framework(package: str) -> None:
    """What the import contract says of the text is also so of a running Python."""
    program = f"""
import importlib, pkgutil, sys
package = importlib.import_module({package!r})
for found in pkgutil.walk_packages(getattr(package, "__path__", []), {package + "."!r}):
    importlib.import_module(found.name)
print(*sorted(set(sys.modules) & set({PURE["forbidden_modules"]!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_module_opens_with_one_line_that_says_what_it_is_for() -> None:
    silent = [
        file.relative_to(ROOT).as_posix()
        for file in modules()
        if "migrations" not in file.parts and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [
        file for file in modules() if {file.stem, file.parent.name} & NAMES_THAT_SAY_NOTHING
    ] == []


def test_no_broad_handler_swallows_what_went_wrong() -> None:
    """A broad `except` needs its reason on the same line: what it guards and where it is logged."""
    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in modules()
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if line.strip().startswith(("except Exception", "except BaseException", "except:"))
        and "#" not in line
    ]
    assert bare == []


def test_no_import_hides_in_a_function_without_a_reason() -> None:
    hidden = [
        f"{file.relative_to(ROOT)}:{inner.lineno}"
        for file in [*modules(), ROOT / "run"]
        for outer in ast.walk(ast.parse(file.read_text()))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        and "# noqa: PLC0415" not in file.read_text().splitlines()[inner.lineno - 1]
    ]
    assert hidden == []


def test_no_type_is_ignored_without_a_reason() -> None:
    """`# type: ignore[code]  # why`: in the product; a test may call with what is wrong on purpose."""
    ignored = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in modules()
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if "# type: ignore" in line and not re.search(r"# type: ignore\[[\w, -]+\] *# \w", line)
    ]
    assert ignored == []


def test_what_is_strictly_typed_is_what_knows_no_framework() -> None:
    strict = next(one for one in TOOLS["mypy"]["overrides"] if "strict_equality" in one)
    assert {name.removesuffix(".*") for name in strict["module"]} == set(PURE["source_modules"])


def test_each_app_gives_every_module_its_layer() -> None:
    layered = {
        app: one
        for one in CONTRACTS
        for app in one.get("containers", [])
        if one["type"] == "layers" and one["exhaustive"] and not one.get("ignore_imports")
    }
    assert set(layered) == {"annotations", "campaigns"}


def test_the_version_is_the_same_everywhere() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert {PROJECT["version"], evalplatform.__version__, settings.VERSION} == {newest[1]}


def test_the_licence_is_the_gpl_wherever_it_is_named() -> None:
    assert PROJECT["license"] == "GPL-3.0-or-later"
    licence = (ROOT / "LICENSE").read_text()
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3" in licence
    assert "GPL-3.0-or-later" in (ROOT / "README.md").read_text()
    assert "GPL-3.0-or-later" in (ROOT / "docs/decisions/0001-licence.md").read_text()
