"""`./run test`: every check of the project, one after the other, and a table of how they went."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalplatform.startup.environment import MANAGE, environment_of
from evalplatform.startup.places import ROOT
from evalplatform.startup.postgres import throw_away_postgres
from evalplatform.startup.processes import interruptible, start_child, stop_child

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Outcome:
    """How one step went."""

    step: str
    passed: bool
    seconds: float
    remark: str = ""


def run_checks(arguments: Sequence[str]) -> int:
    """All steps; or, with arguments for it, only pytest. All run; 1 if any failed."""
    with interruptible(), throw_away_postgres() as (url, folder):
        environment = environment_of(folder=folder, url=url)
        if wants_coverage():
            # Without DEBUG the coverage plugin cannot see which lines of a template were used.
            environment["EVALPLATFORM_TEMPLATE_DEBUG"] = "1"
        # The tests share the cores out among processes; threads of numpy's would only be in the way.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        browser = find_browser()
        if arguments:
            environment["EVALPLATFORM_CHROMIUM"] = browser or ""
            return run([sys.executable, "-m", "pytest", *arguments], environment=environment)
        outcomes = []
        if not browser:
            began = time.monotonic()
            browser = install_browser()
            outcomes.append(outcome_of_browser(browser, time.monotonic() - began))
        environment["EVALPLATFORM_CHROMIUM"] = browser or ""
        for name, command in steps():
            print(f"\n--- {name}", flush=True)
            began = time.monotonic()
            code = run(command, environment=environment)
            outcomes.append(Outcome(name, code == 0, time.monotonic() - began))
    print(table(outcomes), flush=True)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def steps() -> tuple[tuple[str, Sequence[str]], ...]:
    """The checks: name and command, quick ones first."""
    python = sys.executable
    tool = Path(python).parent
    # One more than there are cores: the browser's and the launcher's tests mostly wait. The tests of
    # one file share what their module sets up.
    spread = ("-n", str(min(6, (os.cpu_count() or 1) + 1)), "--dist", "loadfile")
    report = ("--cov", "--cov-branch", "--cov-report=term:skip-covered") if wants_coverage() else ()
    return (
        ("format", (python, "-m", "ruff", "format", "--check", ".")),
        ("lint", (python, "-m", "ruff", "check", ".")),
        ("import contracts", (str(tool / "lint-imports"),)),
        ("types", (python, "-m", "mypy")),
        ("migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
        ("tests", (python, "-m", "pytest", *spread, *report)),
    )


def wants_coverage() -> bool:
    """Whether to tell which lines no test reached; it makes the tests take a third longer."""
    return os.environ.get("EVALPLATFORM_COVERAGE", "0") not in ("0", "false", "no", "")


def run(command: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run one step in the project's folder; nothing of it outlives us."""
    child = start_child(command, environment=environment, folder=ROOT)
    try:
        return child.wait()
    finally:
        stop_child(child)


def find_browser() -> str | None:
    """Chromium or Chrome: EVALPLATFORM_CHROMIUM, else the first in PATH."""
    chosen = os.environ.get("EVALPLATFORM_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, BROWSERS)), None)


def install_browser() -> str | None:
    """Install Debian's chromium where we may; the browser tests are skipped otherwise."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing chromium for the browser tests ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ("apt-get", "update", "-qq"),
        ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"),
    ):
        if run_quietly(command, environment=environment) != 0:
            return None
    return find_browser()


def run_quietly(command: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run a command and show what it said only when it failed."""
    done = subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        print(done.stdout.decode("utf-8", "replace")[-2000:])
    return done.returncode


def outcome_of_browser(browser: str | None, seconds: float) -> Outcome:
    """The table's row on the browser; only in CI is its lack a failure."""
    if browser:
        return Outcome("browser", True, seconds, f"installed {browser}")
    remark = "not found: the browser tests were skipped. Install it: apt-get install chromium"
    return Outcome("browser", os.environ.get("CI") != "true", seconds, remark)


def table(outcomes: Sequence[Outcome]) -> str:
    """One line a step."""
    width = max(len(outcome.step) for outcome in outcomes)
    return "\n" + "\n".join(
        f"{'passed' if outcome.passed else 'FAILED'}  {outcome.step:<{width}}  "
        f"{outcome.seconds:6.1f} s  {outcome.remark}".rstrip()
        for outcome in outcomes
    )
