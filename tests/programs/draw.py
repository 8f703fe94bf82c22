"""The program of a seed: drawn from nothing, or one that was changed."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.programs.corpus import corpus
from tests.programs.grammar.nets import Program, program
from tests.programs.law import Ways
from tests.programs.mutations import mutated


def of_seed(seed: int) -> Program:
    """Three of five are drawn; one is drawn and changed, one was written by people and changed."""
    rng = Random(seed)
    case = seed % 5
    if case == 3:
        drawn = program(rng)
    elif case == 4:
        drawn = Program(rng.choice(corpus()), Counter())
    else:
        return program(rng)
    text = mutated(rng, drawn.text, rng.randint(1, 3), lambda name: drawn.constructs.update([name]))
    return Program(text, drawn.constructs)


def ways_of(seed: int) -> Ways:
    """A quarter with `--merge-siblings`, a fifth with `--inference`, a tenth drawn; of all kinds alike."""
    rng = Random(f"ways {seed}")
    return Ways(rng.random() < 0.25, rng.random() < 0.2, rng.random() < 0.1)
