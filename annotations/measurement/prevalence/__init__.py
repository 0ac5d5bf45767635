"""How common a failure is: a few human labels, a judge's score for every case, honest intervals."""
