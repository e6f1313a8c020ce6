"""Find phrases that plain English avoids: in pages, comments, messages and names.

Prints each one with its place and a remedy, and exits with 1 if there is any. Arguments
are files; none means all text files that git tracks. The list holds only phrases that
are wrong wherever they stand. It does not replace reading.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# A phrase is a regular expression whose words are separated by single spaces.
REMEDIES = {
    # Words of this project.
    r"\w*(?<![a-z])(un)?taught\w*": "embedded by the teacher, with a teacher embedding",
    r"\w*(?<![a-z])teach(es|ing|able)?(?![a-z])\w*": "have the teacher embed",
    r"(the|its|their) best epoch": "the last epoch near the best score",
    # The subject first, and the noun again.
    r"(that|those|the ones?) of": "repeat the noun",
    r"Of (?!course)\w+": "begin with the subject",
    r"(is|are|was|were) no (?!(longer|matter|doubt|more|less|fewer)\b)"
    r"(?!(better|worse|greater|larger|smaller|higher|lower|faster|slower)\b)\w+": (
        "is not a, has no"
    ),
    # One plain word.
    r"beside": "alongside, together with, in addition to",
    r"shall": "must, should, will",
    r"hence|whence|thence|thereby|wherein|whereby": "so, therefore",
    r"whatever": "any, for every, no matter which",
    r"next to nothing": "very little",
    r"but for (?!the (first|last)\b)": "except for",
    r"in the manner of": "like",
    r"and the like": "and so on, or name them",
    r"a (text|document|word|row) more": "one more",
    r"needs? not be": "does not have to be",
    r"(must|can|do|does|is|are)(n't| ?not) be had": "is not available",
    r"learn(s|t|ed)? by heart": "memorize",
    r"(it|accuracy) pays": "name the cost",
    r"(cache|kernel|module|file|header|column|parameter|option|name)s?"
    r" (knows?|tells?|says?|wants?)": "holds, shows, sets, gives, needs",
}
# Between two words: blanks, or the end of a line, of a comment's line, of a string.
GAP = r"""(?:\s*["']\s*r?f?["']\s*|\s*\n\s*(?:\#|//|\*|>|- )*\s*|\s+)"""
# "There is no", "how is no": here "no" belongs to what follows.
THERE = re.compile(r"\b(there|how)\W*\Z", flags=re.IGNORECASE)
# Keys of model files, which stay as they are.
KEYS = {"n_taught", "n_taught_terms"}
SUFFIXES = (".md", ".rst", ".py", ".pyx", ".pxd", ".h", ".toml", ".cfg", ".yml", ".txt")
# Files that must hold such phrases.
NOT_READ = {".ci/prose.py", "tests/test_ci.py"}


def compiled(phrase: str) -> re.Pattern[str]:
    """Compile a phrase, whose words may stand on two lines.

    A blank in a lookbehind stays a blank, because a lookbehind has a fixed width.
    """
    parts = re.split(r"(\(\?<[=!](?:\[[^]]*\]|[^]\[()])*\))", phrase)
    parts[::2] = [re.sub(r" (?!\?)", lambda _: GAP, part) for part in parts[::2]]
    return re.compile(rf"(?<!\w)(?:{''.join(parts)})(?!\w)")


PATTERNS = [(compiled(phrase), remedy) for phrase, remedy in REMEDIES.items()]


def phrases_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the phrase and the remedy of each phrase, in their order."""
    found = [
        (match.start(), " ".join(match[0].split()), remedy)
        for pattern, remedy in PATTERNS
        for match in pattern.finditer(text)
    ]
    for place, phrase, remedy in sorted(found):
        is_no = re.match(r"(is|are|was|were)\b", phrase)
        is_plain = is_no and THERE.search(text[max(0, place - 40) : place])
        if phrase not in KEYS and not is_plain:
            yield text.count("\n", 0, place) + 1, phrase, remedy


def tracked_files() -> list[str]:
    """Names of all text files that git tracks."""
    command = ["git", "ls-files"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in names.splitlines() if name.endswith(SUFFIXES)]


def read(name: str) -> str:
    """Text of a file. In the changelog, code is blank: it may give old names."""
    text = Path(name).read_text(encoding="utf-8")
    if Path(name).name == "CHANGELOG.md":
        text = re.sub(r"`[^`\n]*`", lambda code: " " * len(code[0]), text)
    return text


def main(names: list[str]) -> int:
    """Print the phrases, and return their number."""
    count = 0
    for name in names:
        if name in NOT_READ:
            continue
        for line, phrase, remedy in phrases_in(read(name)):
            print(f'{name}:{line}: "{phrase}": {remedy}')
            count += 1
    print(f"{count} phrases to rewrite in {len(names)} files")
    return count


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:] or tracked_files()), 1))
