"""One self-contained page about a company, from the models in transform/."""

__version__ = "0.1.0"
