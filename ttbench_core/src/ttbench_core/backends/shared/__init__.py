"""What engines that start from PyTorch share: threads, the peak of a device, exported stages.

The modules import torch: an engine imports them when it compiles, not when it is listed.
"""
