"""Fuzzers: random inputs for everything that reads what others wrote.

Each module is a target: `prepare` makes what all inputs need, `cases` is a hypothesis
strategy of inputs, and `check` fails if an input does what it must not do. An input is
a value that JSON can hold, so that it can be kept as a file in ``corpus``.
``python -m fuzz`` runs the targets in processes of their own (`fuzz.__main__`).
"""
