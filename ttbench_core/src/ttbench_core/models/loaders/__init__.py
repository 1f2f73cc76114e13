"""Loaders: classes in the form of tt-forge-models that load a model and its inputs."""
