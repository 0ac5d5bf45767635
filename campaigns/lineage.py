"""How a candidate became a case: its reason, its techniques and its parent, for the case page."""

from annotations.models import Case
from annotations.origins import OriginLine
from campaigns.models import Candidate


def lineage_of(case: Case) -> list[OriginLine]:
    """Why the case was made, what was done to the text, and the parent case, if there is one."""
    candidate = Candidate.objects.filter(case=case).select_related("parent_case").first()
    if candidate is None:
        return []
    techniques = " then ".join(candidate.techniques) or "no technique"
    lines = [OriginLine(candidate.reason), OriginLine(f"Made with {techniques}.")]
    if candidate.parent_case is not None:
        parent = candidate.parent_case
        lines.append(OriginLine("Made from case", parent.pk, parent.external_id))
    folded = candidate.folds.count()
    if folded:
        lines.append(OriginLine(f"{folded} near-duplicates were folded into it."))
    return lines
