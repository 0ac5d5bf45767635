"""The commands of `./run` once the environment is installed: serve, manage, bench, test."""

import errno
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalplatform.startup.checks import run_checks
from evalplatform.startup.environment import MANAGE, database, environment_of
from evalplatform.startup.errors import StartupError
from evalplatform.startup.places import ROOT, data_folder
from evalplatform.startup.postgres import throw_away_postgres
from evalplatform.startup.processes import interruptible, tied_to_us, undisturbed
from evalplatform.startup.serve import serve


def main(arguments: Sequence[str]) -> int:
    """Run one command; whatever goes wrong that we know of is one plain sentence."""
    command, *rest = arguments
    try:
        match command:
            case "manage":
                return manage(rest)
            case "bench":
                return bench(rest)
            case "test":
                return run_checks(rest)
            case _:
                return serve()
    except StartupError as error:
        print(error, file=sys.stderr)
    except PermissionError as error:
        print(
            f"{error.filename} cannot be used by you: {error.strerror}. Start as the user whose it "
            "is, or choose another data folder: EVALPLATFORM_VAR=FOLDER ./run",
            file=sys.stderr,
        )
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(
            f"No space is left on the disk: free some and start again. ({error})", file=sys.stderr
        )
    except KeyboardInterrupt:
        return 130
    return 1


def manage(arguments: Sequence[str]) -> int:
    """Run a management command with the database started or joined."""
    folder = data_folder()
    with interruptible(), database(folder, wait_for_others=True) as url:
        return run_in_front(
            [*MANAGE, *arguments], environment=environment_of(folder=folder, url=url)
        )


def bench(arguments: Sequence[str]) -> int:
    """Run one of benchmarks/ on a throw-away database; without a name, list them."""
    known = sorted(file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py"))
    if not arguments or arguments[0] not in known:
        print(f"Usage: ./run bench NAME [ARGUMENTS]. There are: {', '.join(known) or 'none yet'}.")
        return 1 if arguments else 0
    name, *rest = arguments
    with interruptible(), throw_away_postgres() as (url, folder):
        script = ROOT / "benchmarks" / f"{name}.py"
        environment = environment_of(folder=folder, url=url)
        return run_in_front([sys.executable, script, *rest], environment=environment)


def run_in_front(command: Sequence[str | Path], *, environment: Mapping[str, str]) -> int:
    """Run a command that owns the terminal: Ctrl-C is its own to handle, it may ask questions."""
    tied = tied_to_us(signal.SIGTERM)
    with (
        subprocess.Popen(command, env=dict(environment), preexec_fn=tied) as child,
        undisturbed(),
    ):
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()
