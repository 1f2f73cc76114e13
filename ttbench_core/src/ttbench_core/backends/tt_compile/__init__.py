"""Whether a model compiles for a Tenstorrent card, without one: nothing is run or measured."""
