"""Draw docs/train.svg, the picture of the README, from a real run of the command."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("chainrule")


def main() -> None:
    """Run ``chainrule train`` with colours, and set what it prints as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        output = subprocess.check_output(
            [COMMAND, "train"],
            env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "80"},
            cwd=folder,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=82, file=nowhere, force_terminal=True)
        console.print("[bold]$ chainrule train[/bold]")
        console.print(Text.from_ansi(output))
        # No fonts from another host: the reader's own monospaced one.
        start = CONSOLE_SVG_FORMAT.index("    @font-face")
        end = CONSOLE_SVG_FORMAT.index("    .{unique_id}-matrix")
        code = CONSOLE_SVG_FORMAT[:start] + CONSOLE_SVG_FORMAT[end:]
        code = code.replace("Fira Code", "DejaVu Sans Mono")
        console.save_svg(str(HERE / "train.svg"), title="chainrule", code_format=code)


if __name__ == "__main__":
    main()
