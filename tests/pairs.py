"""Fewer cases than a full product, with every two choices together in one of them."""

from itertools import combinations


def pairwise(cases):
    """Those of the cases (tuples) that are needed for every pair of values that occurs, greedily and in order."""
    pairs = {case: set(combinations(enumerate(case), 2)) for case in cases}
    left, chosen = set().union(*pairs.values()), []
    while left:
        best = max(pairs, key=lambda case: len(pairs[case] & left))
        chosen.append(best)
        left -= pairs[best]
    return chosen
