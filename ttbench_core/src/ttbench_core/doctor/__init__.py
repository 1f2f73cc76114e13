"""What is installed and can be used: the values behind `ttbench doctor`.

Nothing here imports an engine or a pack: each is probed in a process of its own, so that
one that crashes, hangs or prints is only reported.
"""
