"""Turn the formulas of a page into MathML while the site is built.

Browsers set MathML by themselves, so the pages need no script and ask no other host.
``pymdownx.arithmatex`` finds ``$...$`` and ``$$...$$``; what it marks is replaced here.
"""

import re
from functools import cache
from html import unescape
from typing import Any

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


@cache
def _converter() -> Any:
    from math_core import LatexToMathML

    return LatexToMathML(fancy_error=False)


def mathml(latex: str, display: bool) -> str:
    r"""Return a formula as MathML; a display with ``\tag{24}`` gets that number on its right."""
    if r"\tag" in latex:
        latex = rf"\begin{{equation}}{latex}\end{{equation}}"
    return str(_converter().convert_with_local_state(latex.strip(), displaystyle=display))


def on_page_content(html: str, page: Any = None, **_: Any) -> str:
    """Replace what arithmatex has marked; a formula that cannot be read stops the build."""

    def replaced(found: re.Match[str]) -> str:
        latex, display = unescape(found[3]), found[2] == "["
        try:
            formula = mathml(latex, display)
        except Exception as error:
            where = page.file.src_uri if page else "page"
            raise ValueError(f"{where}: the formula {latex!r} cannot be read: {error}") from None
        return f'<div class="formula">{formula}</div>' if display else formula

    return FORMULA.sub(replaced, html)
