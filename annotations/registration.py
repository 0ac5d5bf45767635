"""What this app makes known at start-up: its jobs, its sweeps, its entries in the side bar."""

from annotations import budget, consensus, overlap, priorities, sampling, steering, watching
from annotations.dashboard import TILES
from annotations.importing import work
from annotations.jobs import SWEEPERS
from annotations.navigation import NAV_ITEMS
from annotations.views import tiles
from annotations.views.sidebar import ITEMS

# Importing these registers the jobs that they handle.
JOB_MODULES = (budget, consensus, overlap, priorities, sampling, steering, watching)


def register() -> None:
    """Called once by `AnnotationsConfig.ready`; importing `work` registers the job it handles."""
    NAV_ITEMS.extend(item for item in ITEMS if item not in NAV_ITEMS)
    TILES.extend(tile for tile in tiles.TILES if tile not in TILES)
    work.register_sweep()
    for sweeper in (watching.sweep_projects, budget.sweep):
        if sweeper not in SWEEPERS:
            SWEEPERS.append(sweeper)
