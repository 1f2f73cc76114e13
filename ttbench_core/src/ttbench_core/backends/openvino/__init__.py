"""OpenVINO on the processor: an exported stage, compiled with an explicit precision."""
