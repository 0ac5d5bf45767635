"""The pages of this floor that the side bar lists; `annotations.registration` adds them."""

from annotations.navigation import NavItem
from annotations.permissions import ADJUDICATORS, LABELLERS, LEADS, MEMBERS, READERS
from annotations.views.adjudication import count_waiting

ITEMS: list[NavItem] = [
    NavItem("Rubric", "rubric", MEMBERS, 10),
    NavItem("Label", "label", LABELLERS, 20),
    NavItem("Queue", "queue", LEADS, 25),
    NavItem("Adjudicate", "adjudicate", ADJUDICATORS, 30, count_waiting),
    NavItem("Dashboard", "dashboard", READERS, 35),
    NavItem("Agreement", "agreement", READERS, 40),
    NavItem("Consensus", "consensus", LEADS, 42),
    NavItem("Prevalence", "prevalence", READERS, 41),
    NavItem("AI help", "ai_help", LEADS, 45),
    NavItem("Cases", "cases", READERS, 58),
    NavItem("Gold", "gold", READERS, 60),
    NavItem("Import", "import", LEADS, 62),
    NavItem("Raters", "raters", LEADS, 70),
    NavItem("Consistency", "consistency", LEADS, 72),
    NavItem("Wellbeing", "wellbeing", LABELLERS, 85),
    NavItem("Members", "members", MEMBERS, 90),
]
