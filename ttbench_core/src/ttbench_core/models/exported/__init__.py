"""Exported programs: the device stage of a model as one graph that several engines take."""
