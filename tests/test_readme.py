"""The code of the README runs as it stands, one block after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_readme_code_runs(tmp_path, data_home):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 5
    program = "\n".join(blocks) + "\nprint(vectors.shape, search.best_params_)"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "SKLUX_DATA_HOME": str(data_home)}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "(600, 256)" in result.stdout
    # The search: the nearest texts are about what was asked.
    assert "graph" in result.stdout
