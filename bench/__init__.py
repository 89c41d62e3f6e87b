"""Benchmarks against other tools: `make bench`."""
