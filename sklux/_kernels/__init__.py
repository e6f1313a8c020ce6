"""Compiled loops over documents; no other room of the package is imported here."""
