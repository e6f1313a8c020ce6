"""Compiled loops over documents; nothing here imports another part of the package."""
