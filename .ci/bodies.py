"""Find functions whose body has more than 40 lines; exit with 1 if there is one.

A body reaches from the first statement behind the docstring to the last line. Arguments
are Python files.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 40


def long_bodies(source: str) -> Iterator[tuple[int, str, int]]:
    """Line, name and number of lines of each function that is too long, in order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            statements = node.body[ast.get_docstring(node) is not None :]
            if statements:
                n_lines = node.end_lineno - statements[0].lineno + 1
                if n_lines > MAX_LINES:
                    yield node.lineno, node.name, n_lines


def main(names: list[str]) -> int:
    """Print what is found; return how many functions that is."""
    count = 0
    for name in names:
        for line, function, n_lines in long_bodies(Path(name).read_text("utf-8")):
            print(f"{name}:{line}: {function} has {n_lines} lines: {MAX_LINES} at most")
            count += 1
    return count


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
