"""What `./run` installs and when, what is pinned, and how `./run test` tells how it went."""

import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from evalplatform.startup import checks, identity
from evalplatform.startup.errors import StartupError
from evalplatform.startup.places import ROOT, make_data_folder, socket_directory
from evalplatform.startup.postgres import throw_away_postgres


@pytest.fixture
def script() -> ModuleType:
    """The script ./run as a module."""
    loader = SourceFileLoader("run_script", str(ROOT / "run"))
    spec = importlib.util.spec_from_loader("run_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def bare(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """./run in a clone where nothing is installed, and a pip that only notes what it is asked."""
    for name in ("pyproject.toml", "constraints.txt", "run"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "pip"):
        (tmp_path / ".venv" / "bin" / name).touch()
    places = {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "asked": []}
    places |= {"PYTHON": tmp_path / ".venv/bin/python", "STAMP": tmp_path / ".venv/stamp.json"}
    for name, value in places.items():
        monkeypatch.setattr(script, name, value, raising=False)
    monkeypatch.setattr(script, "pip", lambda *asked, **_: script.asked.append(asked) or True)
    monkeypatch.setattr(script, "check_space", lambda _: None)
    return script


def first_of(script: ModuleType) -> tuple[object, ...]:
    """What pip is asked first where the embedding model is wanted."""
    return ("-c", script.ROOT / "constraints.txt", script.CPU_TORCH)


def normal(name: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(requirement: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Every installed package that a requirement brings, with its version."""
    found = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", requirement)
    assert found is not None, requirement
    name, extras = normal(found[1]), set((found[2] or "").split(","))
    if f"{name}{sorted(extras)}" in seen or not any(importlib.metadata.distributions(name=name)):
        return
    seen.add(f"{name}{sorted(extras)}")
    distribution = importlib.metadata.distribution(name)
    yield name, distribution.version
    for line in distribution.requires or []:
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if extra is None or extra[1] in extras:
            yield from brought_by(line, seen)


def test_every_package_that_is_installed_is_pinned_at_its_version(script: ModuleType) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {normal(name): version for name, version in pins.items()}
    seen: set[str] = set()
    for group in script.read_dependencies().values():
        for package in group:
            assert normal(re.split(r"[\[<>=]", package)[0]) in pinned, f"{package} is not pinned"
            for name, version in brought_by(package, seen):
                assert pinned.get(name) == version.partition("+")[0], name


def test_a_light_installation_leaves_the_embedding_model_out(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVALPLATFORM_EMBEDDINGS", raising=False)
    assert script.wanted_extras("serve") == {"", "embeddings"}
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    assert script.wanted_extras("test") == {"", "dev"}


def test_it_installs_only_what_is_missing_or_has_changed(bare: ModuleType) -> None:
    assert bare.install({"", "embeddings"}, anew=False) == {"", "embeddings"}
    assert bare.asked[0] == first_of(bare)  # before all that would bring another build of it
    assert len(bare.asked) == 2
    bare.install({""}, anew=False)
    assert len(bare.asked) == 2
    (bare.ROOT / "constraints.txt").write_text("django==5.2.99\n")
    bare.install({""}, anew=False)
    assert len(bare.asked) == 3


def test_without_torch_it_goes_on_without_embeddings_and_says_so(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pip(*asked: str, **_: object) -> bool:
        bare.asked.append(asked)
        return bare.CPU_TORCH not in asked

    monkeypatch.setattr(bare, "pip", pip)
    assert bare.install({"", "embeddings"}, anew=False) == {""}
    assert "going on without the embedding model" in capsys.readouterr().out
    assert bare.asked[1] == (bare.CPU_TORCH, "--index-url", bare.CPU_TORCH_INDEX)
    bare.asked.clear()
    bare.install({"", "embeddings"}, anew=False)
    assert bare.asked == []  # it is not tried again at every start, but ...
    bare.install({"", "embeddings"}, anew=True)
    assert bare.asked[0] == first_of(bare)  # ... by `./run install`


def test_another_build_of_torch_can_be_chosen(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALPLATFORM_TORCH", "torch==2.13.0")
    bare.install({"embeddings"}, anew=False)
    assert bare.asked[0] == ("torch==2.13.0",)


def test_too_little_space_is_said_before_anything_is_downloaded(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"No space left: .* needs about 1000000000 MB"):
        script.check_space(10**9)


def test_a_missing_venv_module_is_answered_with_the_line_that_installs_it(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.PYTHON.unlink()
    monkeypatch.setattr(bare.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="sudo apt-get install python3-venv"):
        bare.make_environment(renew=False)


def test_an_interrupted_environment_is_made_anew(bare: ModuleType) -> None:
    (bare.VENV / "bin" / "pip").unlink()
    (bare.VENV / "half").touch()
    bare.make_environment(renew=False)
    assert (bare.VENV / "bin" / "pip").exists()
    assert not (bare.VENV / "half").exists()


def test_the_secret_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    make_data_folder(tmp_path / "var")
    key = tmp_path / "var" / "secret_key"
    first = key.read_text()
    make_data_folder(tmp_path / "var")
    assert key.read_text() == first
    assert len(first) >= 50
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_socket_folder_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = socket_directory(tmp_path / "pg")
    folder.chmod(0o777)
    try:
        with pytest.raises(StartupError, match="not private to you"):
            socket_directory(tmp_path / "pg")
    finally:
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_where_no_user_namespace_is_allowed_root_becomes_another_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(identity, "enter_user_namespace", refused)
    with throw_away_postgres() as (url, _), psycopg.connect(url) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()
        assert folder is not None
        assert Path(folder[0]).stat().st_uid not in (0, 1000)


def test_the_table_tells_what_failed() -> None:
    outcomes = [checks.Outcome("lint", True, 1.24), checks.Outcome("types", False, 12.3, "why")]
    assert checks.table(outcomes).splitlines()[1:] == [
        "passed  lint      1.2 s",
        "FAILED  types    12.3 s  why",
    ]


def test_a_missing_browser_fails_only_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "false")
    outcome = checks.outcome_of_browser(None, 0.0)
    assert outcome.passed
    assert "apt-get install chromium" in outcome.remark
    monkeypatch.setenv("CI", "true")
    assert not checks.outcome_of_browser(None, 0.0).passed
