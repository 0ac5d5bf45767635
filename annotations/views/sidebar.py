"""The pages of this floor that the side bar lists; `annotations.registration` adds them."""

from annotations.navigation import NavItem
from annotations.permissions import LEADS

ITEMS: list[NavItem] = [
    NavItem("Import", "import", LEADS, 80),
]
