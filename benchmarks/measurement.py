"""Can the measurement be trusted, and how fast is it? `./run bench measurement [--only NAME ...]`.

Sections: agreement (references, speed beside the krippendorff package, rater coverage), consensus
(errors on crowd sets, speed beside crowd-kit), prevalence (coverage and width of the shown interval),
routing (labels used at equal accuracy) and ai_effect (false and true suspensions, the gate, drift).
Rows that need the published data sets skip where these are absent: set EVALPLATFORM_DATA.
`--quick` is a smaller, faster form of everything.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import _measurement_agreement  # noqa: E402 - the paths above come first
import _measurement_ai_effect  # noqa: E402
import _measurement_consensus  # noqa: E402
import _measurement_prevalence  # noqa: E402
import _measurement_routing  # noqa: E402
from _figures import Figure, note, show  # noqa: E402

SECTIONS = {
    "agreement": _measurement_agreement,
    "consensus": _measurement_consensus,
    "prevalence": _measurement_prevalence,
    "routing": _measurement_routing,
    "ai_effect": _measurement_ai_effect,
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
