"""Fixture: a stand-in for sentence-transformers."""

import sys
import types

import pytest

from _teacher.teachers import FakeSentenceTransformer
from sklux._teacher import compute_types, named


@pytest.fixture
def fake_library(monkeypatch):
    """Replace sentence-transformers, and return the names and devices it loads."""
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = FakeSentenceTransformer
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(FakeSentenceTransformer, "made", [])
    monkeypatch.setattr(named, "hub_problem", lambda: None)
    return FakeSentenceTransformer.made


@pytest.fixture(autouse=True)
def without_instructions(monkeypatch):
    """Let teachers compute in float32 on every machine."""
    monkeypatch.setattr(compute_types, "processor_types", list)
