"""The pages of this floor that the side bar lists; `annotations.registration` adds them."""

from annotations.navigation import NavItem
from annotations.permissions import ADJUDICATORS, LABELLERS, LEADS
from annotations.views.adjudication import count_waiting

ITEMS: list[NavItem] = [
    NavItem("Label", "label", LABELLERS, 20),
    NavItem("Adjudicate", "adjudicate", ADJUDICATORS, 30, count_waiting),
    NavItem("Import", "import", LEADS, 80),
]
