"""Chance that repeats: every decision is drawn from a die named by what it is about.

One die for each network, country or prefix (never one for the whole world) means that adding a
network, or letting the world grow by a year, leaves all other decisions as they were. Only
``random.Random.random`` is used: it is the one method whose stream Python promises to keep.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A die seeded by the text of ``key``."""

    def __init__(self, *key: object) -> None:
        self.roll = random.Random("/".join(map(str, key))).random  # noqa: S311 - not a secret

    def chance(self, probability: float) -> bool:
        return self.roll() < probability

    def between(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return least + int(self.roll() * (most - least + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.roll() * len(choices))]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """Up to ``count`` different choices, in the order drawn."""
        left = list(choices)
        return [left.pop(int(self.roll() * len(left))) for _ in range(min(count, len(left)))]

    def weighted(self, choices: dict[T, float]) -> T:
        """One key, by the weights that are its values."""
        point = self.roll() * sum(choices.values())
        for choice, weight in choices.items():
            point -= weight
            if point < 0:
                return choice
        return choice
