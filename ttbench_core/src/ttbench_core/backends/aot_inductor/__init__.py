"""AOTInductor: an exported stage compiled ahead of time to a package of native code."""
