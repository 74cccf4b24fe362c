"""Ids of the 17 Sustainable Development Goals and their 169 targets (A/RES/70/1)."""

_OF = {
    1: (5, "ab"),
    2: (5, "abc"),
    3: (9, "abcd"),
    4: (7, "abc"),
    5: (6, "abc"),
    6: (6, "ab"),
    7: (3, "ab"),
    8: (10, "ab"),
    9: (5, "abc"),
    10: (7, "abc"),
    11: (7, "abc"),
    12: (8, "abc"),
    13: (3, "ab"),
    14: (7, "abc"),
    15: (9, "abc"),
    16: (10, "ab"),
    17: (19, ""),
}
"""Of each goal: how many numbered targets it has, and the letters of its means of implementation."""

GOALS = tuple(str(goal) for goal in _OF)

TARGETS = tuple(
    f"{goal}.{target}"
    for goal, (numbered, lettered) in _OF.items()
    for target in (*range(1, numbered + 1), *lettered)
)
