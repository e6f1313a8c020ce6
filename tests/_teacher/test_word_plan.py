"""What the parameter teacher_words means for a fit."""

from dataclasses import FrozenInstanceError

import pytest

from sklux._teacher.word_plan import DOCUMENTS_ALONE, TERMS_ALONE, WordPlan


def test_word_plan_of_documents_alone_embeds_nothing_else():
    assert not DOCUMENTS_ALONE.embeds_terms
    assert DOCUMENTS_ALONE.words == ()
    assert not DOCUMENTS_ALONE.is_list


def test_word_plan_of_terms_alone_adds_no_word():
    assert TERMS_ALONE == WordPlan(embeds_terms=True)
    assert TERMS_ALONE.words == ()


def test_word_plan_does_not_change():
    plan = WordPlan(True, ("apple",), is_list=True)
    with pytest.raises(FrozenInstanceError):
        plan.words = ()
