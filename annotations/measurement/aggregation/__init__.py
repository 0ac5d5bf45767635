"""Labels of several raters into one answer an item, with how sure it is; pure, no Django.

Read `labels.py` (what goes in), `em.py` (the loop that the rater models share), one file a method,
then `choice.py` (which method, by data) and `tempering.py` (how sure it may claim to be).
"""

from annotations.measurement.aggregation.consensus import Consensus, aggregate, consensus

__all__ = ["Consensus", "aggregate", "consensus"]
