"""ExecuTorch on the processor: an exported stage, lowered to XNNPACK and run by its runtime."""
