"""Do the judges catch what people catch, and is it measured honestly? `./run bench judging [--only NAME ...]`.

Sections: harmbench (eleven published judges, votes and the stack over them), context (harms that depend on
the context, learnt from few labels), transfer (targets that were never seen, gold of another domain),
evasion (every combination of sixteen judges) and injection (answers that address the judge). Rows that
need the published data sets skip where these are absent: set EVALPLATFORM_DATA. `--quick` is a smaller,
faster form of everything.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import _judging_context  # noqa: E402
import _judging_evasion  # noqa: E402
import _judging_harmbench  # noqa: E402 - the paths above come first
import _judging_injection  # noqa: E402
import _judging_transfer  # noqa: E402
from _figures import Figure, note, show  # noqa: E402

SECTIONS = {
    "context": _judging_context,
    "harmbench": _judging_harmbench,
    "transfer": _judging_transfer,
    "injection": _judging_injection,
    "evasion": _judging_evasion,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller data")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    for section in SECTIONS.values():
        if hasattr(section, "add_arguments"):
            section.add_arguments(parser)
    options = parser.parse_args()
    figures: dict[str, Figure] = {}
    for name in options.only:
        note(f"{name} ...")
        began = time.monotonic()
        figures |= SECTIONS[name].figures(options)
        note(f"{name}: {time.monotonic() - began:.0f} s")
    show(figures, as_json=options.json)


if __name__ == "__main__":
    main()
