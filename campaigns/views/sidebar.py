"""The pages of this floor that the side bar lists; `campaigns.registration` adds them."""

from annotations.models import Membership
from annotations.navigation import NavItem
from annotations.permissions import LEADS, MEMBERS, READERS
from campaigns.models import Proposal
from campaigns.statuses import ProposalStatus


def count_open(membership: Membership) -> int:
    """Patterns that wait for the lead."""
    found = Proposal.objects.filter(campaign__project=membership.project)
    return found.filter(status=ProposalStatus.OPEN).count()


ITEMS: list[NavItem] = [
    NavItem("Campaign", "project", MEMBERS, 0),
    NavItem("Patterns", "proposals", LEADS, 15, count_open),
    NavItem("Judges", "judges", READERS, 50),
    NavItem("Evasion", "evasion", READERS, 51),
]
