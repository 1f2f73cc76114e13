"""Engines that run a model's device stage, and the contract they follow."""
