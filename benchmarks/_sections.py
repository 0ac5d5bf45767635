"""A benchmark of several sections: which to run, how long each took, and all their figures at once."""

import argparse
import time
from collections.abc import Mapping
from types import ModuleType

from _figures import Figure, note, show


def run_sections(description: str | None, sections: Mapping[str, ModuleType]) -> None:
    """Each section is a module with `figures(options)` and, if it wants options, `add_arguments`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller data")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    for section in sections.values():
        if hasattr(section, "add_arguments"):
            section.add_arguments(parser)
    options = parser.parse_args()
    figures: dict[str, Figure] = {}
    for name in options.only:
        note(f"{name} ...")
        began = time.monotonic()
        figures |= sections[name].figures(options)
        note(f"{name}: {time.monotonic() - began:.0f} s")
    show(figures, as_json=options.json)
