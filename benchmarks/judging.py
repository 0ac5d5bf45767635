"""Do the judges catch what people catch, and is it measured honestly? `./run bench judging [--only NAME ...]`.

Sections: harmbench (eleven published judges, votes and the stack over them), context (harms that depend on
the context, learnt from few labels), transfer (targets that were never seen, gold of another domain),
decides (what goes to a person), evasion (every combination of sixteen judges), injection (answers that
address the judge) and hardening (judges taught again on what got past them). Rows that need the published
data sets skip where these are absent: set EVALPLATFORM_DATA. `--quick` is a smaller, faster form of everything.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import _judging_context  # noqa: E402
import _judging_decides  # noqa: E402
import _judging_evasion  # noqa: E402
import _judging_hardening  # noqa: E402
import _judging_harmbench  # noqa: E402 - the paths above come first
import _judging_injection  # noqa: E402
import _judging_transfer  # noqa: E402
from _sections import run_sections  # noqa: E402

SECTIONS = {
    "context": _judging_context,
    "harmbench": _judging_harmbench,
    "transfer": _judging_transfer,
    "decides": _judging_decides,
    "injection": _judging_injection,
    "evasion": _judging_evasion,
    "hardening": _judging_hardening,
}


if __name__ == "__main__":
    run_sections(__doc__, SECTIONS)
