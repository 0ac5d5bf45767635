"""Can the measurement be trusted, and how fast is it? `./run bench measurement [--only NAME ...]`.

Sections: agreement (references, speed beside the krippendorff package, rater coverage), consensus
(errors on crowd sets, speed beside crowd-kit), prevalence (coverage and width of the shown interval),
routing (labels used at equal accuracy) and ai_effect (false and true suspensions, the gate, drift).
Rows that need the published data sets skip where these are absent: set EVALPLATFORM_DATA.
`--quick` is a smaller, faster form of everything.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import _measurement_agreement  # noqa: E402 - the paths above come first
import _measurement_ai_effect  # noqa: E402
import _measurement_consensus  # noqa: E402
import _measurement_prevalence  # noqa: E402
import _measurement_routing  # noqa: E402
from _sections import run_sections  # noqa: E402

SECTIONS = {
    "agreement": _measurement_agreement,
    "consensus": _measurement_consensus,
    "prevalence": _measurement_prevalence,
    "routing": _measurement_routing,
    "ai_effect": _measurement_ai_effect,
}


if __name__ == "__main__":
    run_sections(__doc__, SECTIONS)
