"""From a fresh clone to a served page: `./run bench first_start [--json]`. Seconds and megabytes.

Clones the committed state into a new folder, with a clean environment and an empty pip cache, runs
`./run` there and waits for the sign-in page. There is no limit in the issue: the figures are printed
against what a newcomer may be asked to wait, ten minutes and 3 GB.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _figures import Figure, show

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = "a newcomer's patience"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def megabytes(folder: Path) -> float:
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def served(address: str, child: subprocess.Popen[bytes]) -> bool:
    """Wait for the sign-in page; false when the start-up gave up."""
    while child.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/sign-in/", timeout=5) as answer:  # noqa: S310 - our own
                return answer.status == 200
        except OSError:
            time.sleep(0.5)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="first start ") as folder:
        clone, home = Path(folder) / "a clone", Path(folder) / "home"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        home.mkdir()
        port = free_port()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PORT": str(port)}
        for name in ("PIP_FIND_LINKS", "PIP_CERT"):  # where this machine's packages come from
            if name in os.environ:
                environment[name] = os.environ[name]
        started = time.perf_counter()
        child = subprocess.Popen(
            [str(clone / "run")], cwd=clone, env=environment, stdout=sys.stderr, stderr=sys.stderr
        )
        try:
            if not served(f"http://127.0.0.1:{port}", child):
                sys.exit("./run ended before it served a page; see above.")
            seconds = time.perf_counter() - started
        finally:
            child.send_signal(signal.SIGINT)
            child.wait()
        figures = {
            "clone_to_served_page": Figure(seconds, "s", 600, PATIENCE),
            "installed": Figure(megabytes(clone / ".venv"), "MB", 3000, PATIENCE),
        }
    show(figures, as_json=options.json)


if __name__ == "__main__":
    main()
