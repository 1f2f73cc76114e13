"""The record of a run: its values, every figure computed from it, its verdict and its columns."""
