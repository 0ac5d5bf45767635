"""The pages of this floor that the side bar lists; `campaigns.registration` adds them."""

from annotations.navigation import NavItem
from annotations.permissions import MEMBERS, READERS

ITEMS: list[NavItem] = [
    NavItem("Campaign", "project", MEMBERS, 0),
    NavItem("Judges", "judges", READERS, 50),
]
