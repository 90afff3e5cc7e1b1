"""The worked mathematics of a step, and its forms."""

from __future__ import annotations

from typing import Any

from chainrule.explaining.document import as_latex
from chainrule.explaining.machine import as_document
from chainrule.explaining.markdown import as_markdown
from chainrule.explaining.page import as_fragment, as_html
from chainrule.explaining.parts import Explanation
from chainrule.explaining.plain import as_text


class Derivation(Explanation):
    """The worked mathematics of one step, as ``chainrule.explain`` gives it.

    It prints as text, and shows itself in notebooks.

    Attributes
    ----------
    title : str
    sections : tuple
        Of equations, tables and words.
    digits : int
        With how many significant digits numbers are shown. They are kept in full.
    values : mapping of str to float
        The numbers of all equations by what stands on their left, such as "∂L/∂W[1]", or
        "W[1] after" for a parameter after the step.
    """

    def to_text(self, width: int = 80) -> str:
        """Return it as text with Unicode mathematics, for lines of so many characters."""
        return as_text(self, width)

    def to_markdown(self) -> str:
        """Return it as Markdown, with the mathematics as LaTeX between dollar signs."""
        return as_markdown(self)

    def to_latex(self) -> str:
        """Return it as a LaTeX document, for pdflatex and lualatex."""
        return as_latex(self)

    def to_html(self) -> str:
        """Return it as one HTML page with MathML, that needs no network and no script."""
        return as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it: expressions as text, numbers in full."""
        return as_document(self)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return as_fragment(self)

    def __repr__(self) -> str:
        return f"<Derivation: {self.title}>"

    def __str__(self) -> str:
        return self.to_text()
