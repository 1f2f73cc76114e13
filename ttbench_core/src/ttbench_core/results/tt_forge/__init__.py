"""The format of tt-forge's benchmarks: records written in it, and its files read as results."""
