"""The documentation says what the code does."""

import re
from pathlib import Path

from campaigns.states_diagram import with_diagram
from campaigns.statuses import MEANING, NEXT, OWNER, Step

ROOT = Path(__file__).resolve().parent.parent


def test_the_state_diagram_is_the_one_that_the_tables_make() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert page == with_diagram(page), "run: ./run manage show_states --write"
    assert all(f"{step} --> " in page for step in NEXT if NEXT[step])


def test_every_step_says_who_owns_it_and_what_it_means() -> None:
    assert set(OWNER) == set(NEXT) == set(MEANING) == set(Step)


def test_every_step_is_reached_and_leads_on_to_the_end() -> None:
    reached, found = {Step.DRAFT}, {Step.DRAFT}
    while found:
        found = {later for step in found for later in NEXT[step]} - reached
        reached |= found
    assert reached == set(Step)
    assert [step for step in Step if not NEXT[step]] == [Step.CLOSED]


def test_every_link_between_the_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
