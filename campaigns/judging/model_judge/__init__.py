"""A language model as a judge (pure): what it is asked, what of its answer counts, how it is biased."""
