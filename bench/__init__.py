"""Side-by-side benchmarks against what people use today: `make bench`."""
