"""Which words a teacher embeds in addition to the documents of a fit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WordPlan:
    """What the parameter `teacher_words` means for one fit.

    Attributes
    ----------
    embeds_terms : bool
        Whether the teacher embeds terms of the lexical stage.
    words : tuple of str
        Words that become terms if no document contains them.
    is_list : bool
        Whether the user has listed the words: they are then embedded before other
        terms, and there is a warning if one cannot become a term.
    occurring_alone : bool
        Whether it embeds no terms that the documents lack.
    """

    embeds_terms: bool
    words: tuple[str, ...] = ()
    is_list: bool = False
    occurring_alone: bool = False


DOCUMENTS_ALONE = WordPlan(embeds_terms=False)
TERMS_ALONE = WordPlan(embeds_terms=True)
TERMS_OF_DOCUMENTS = WordPlan(embeds_terms=True, occurring_alone=True)
