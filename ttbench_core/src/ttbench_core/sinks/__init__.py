"""Places that keep results, and the contract that they follow."""
