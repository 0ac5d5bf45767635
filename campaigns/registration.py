"""What this app adds to the floor below at start-up: its jobs, its sweep, its notes, its pages."""

from annotations.case_panels import PANELS
from annotations.context import INSTALL_NOTES
from annotations.dashboard import TILES
from annotations.jobs import SWEEPERS
from annotations.navigation import NAV_ITEMS
from annotations.origins import ORIGIN_SOURCES
from annotations.precedents import NEARNESS
from annotations.rubrics import ORIGINS
from campaigns import demo, effects, hardened_judges, learning, loop, model_judging, proposals
from campaigns.embeddings import encoder
from campaigns.lineage import lineage_of
from campaigns.vectors import nearness
from campaigns.views import tiles
from campaigns.views.effects import panel as effects_panel
from campaigns.views.sidebar import ITEMS
from campaigns.views.who_decides import panel as decided_panel

# Importing these registers the jobs that they handle.
JOB_MODULES = (loop, demo, model_judging, effects, learning, hardened_judges)


def embeddings_note() -> str | None:
    """What the embedding model of this install lacks, if anything."""
    return encoder().note or None


def register() -> None:
    """Called by `CampaignsConfig.ready`; a second call adds nothing."""
    if loop.sweep_rounds in SWEEPERS:
        return
    SWEEPERS.append(loop.sweep_rounds)
    INSTALL_NOTES.append(embeddings_note)
    ORIGIN_SOURCES.append(lineage_of)
    NAV_ITEMS.extend(ITEMS)
    TILES.extend(tiles.TILES)
    ORIGINS.append(proposals.taken_up)
    NEARNESS.append(nearness)
    PANELS.append(effects_panel)
    PANELS.append(decided_panel)
