"""Write the pages that are made while the site is built: a step, rules, command, changes.

Each is printed from its only source: the engine, the rules, the command's own help, and
``CHANGELOG.md``.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those that MkDocs has found."""
    from mkdocs.structure.files import File

    pages = {
        "reference/rules.md": rules(),
        "reference/command.md": command(),
        "tutorial/worked.md": worked(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Tell what is typed in an example of Python from what is printed; only that is copied."""
    return markdown.replace("```python\n>>>", "```pycon\n>>>")


def on_page_content(html: str, **_: Any) -> str:
    r"""Link the names of the package, and leave out what docstrings do not say.

    >>> on_page_content("(<code>int</code>, default: <code>None</code>)")
    '(<code>int</code>, optional)'
    >>> on_page_content('<h3 id="chainrule.fit">fit</h3> <code>chainrule.fit</code>')
    '<h3 id="chainrule.fit">fit</h3> <a href="#chainrule.fit"><code>chainrule.fit</code></a>'
    """

    def linked(found: re.Match[str]) -> str:
        there = f'id="{found[1]}"' in html
        return f'<a href="#{found[1]}">{found[0]}</a>' if there else found[0]

    found = re.sub(r"<code>(chainrule\.\w+)</code>", linked, html)
    found = re.sub(r",\s+default:\s+<code>(None|{})</code>\s*\)", ", optional)", found)
    return re.sub(r'\s+–\s+<div class="doc-md-description">\s*</div>', "", found)


# The rules.

PLURALS = {
    "Activation": "Activations\n\n![Each activation and its slope](../assets/activations.svg)",
    "Loss": "Losses",
    "Optimiser": "Optimisers",
    "Initialiser": "Initialisers",
}


def rules() -> str:
    """Return what ``chainrule explain --source`` prints, with the code that is compiled."""
    from chainrule.explaining.reference import source

    parts = re.split(r"^## (\w+): (.+)$", source().to_markdown(), flags=re.M)
    page = [
        "# The rules\n\nEvery formula that the engine computes, printed from the code that is "
        "compiled, with that code below it. The value and its derivative stand side by side; the "
        "tests hold the one against the other in algebra and at 50 digits."
    ]
    for place in range(1, len(parts), 3):
        kind, name, text = parts[place : place + 3]
        if kind not in parts[1:place:3]:
            page.append(f"## {PLURALS[kind]}")
        page += [f"### {name}", text.strip(), _code(kind, name.replace("\\", ""))]
    return "\n\n".join(page)


def _registries() -> dict[str, dict[str, Any]]:
    from chainrule.rules import ACTIVATIONS, LOSSES, OPTIMISERS

    return {"Activation": ACTIVATIONS, "Loss": LOSSES, "Optimiser": OPTIMISERS}


def _code(kind: str, name: str) -> str:
    """Return a rule's source without docstring and types, or nothing where it is no rule."""
    rule = _registries().get(kind, {}).get(name)
    if rule is None:
        return ""
    source = textwrap.dedent(inspect.getsource(rule))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    for argument in function.args.args:
        argument.annotation = None
    head = f"def {function.name}({ast.unparse(function.args)}):"
    head = textwrap.fill(head, width=76, subsequent_indent=" " * 8)
    body = source.splitlines()[function.body[0].end_lineno :]
    return "\n".join(["```python", head, *body, "```"])


def worked() -> str:
    """Return the step of the tutorial's first page, as ``chainrule.explain`` prints it."""
    from chainrule import Network, explain

    network, parameters = Network((3, 1), output="sigmoid"), [0.1, -0.2, 0.05, 0.0]
    step = explain(network, parameters, [1.0, 2.0, 3.0], 1.0, solver="gd", learning_rate=0.5)
    _, text = step.to_markdown().split("\n", 1)
    return (
        "# The step in full\n\nThe step of [the page before](neuron.md), as `explain` "
        f"prints it. The numbers on the right are the document's equations.\n{text}"
    )


# The command.


def command() -> str:
    """Return the reference of the command, from the help that it prints."""
    from typer.main import get_command

    from chainrule.cli import app

    group = get_command(app)
    parts = [
        "# The command\n\nWhat `chainrule COMMAND --help` prints. Exit status: 0; 1 if "
        "`check` found a mistake; 2 for input that cannot be used; 130 after Ctrl-C."
    ]
    for name, each in group.commands.items():  # type: ignore[attr-defined]
        if each.hidden:
            continue
        shown = [p for p in each.params if p.name != "help" and not getattr(p, "hidden", False)]
        arguments = [p for p in shown if p.param_type_name == "argument"]
        usage = " ".join(p.metavar or p.name.upper() for p in arguments)
        parts.append(f"## {name} {{ #{name} }}\n\n    chainrule {name} {usage} [OPTIONS]")
        parts.append(_prose(each.help or ""))
        parts += _tables(shown)
    return "\n\n".join(parts) + "\n"


def _prose(text: str) -> str:
    r"""Return Rich's markup as Markdown; a paragraph in bold is an example.

    >>> print(_prose("Train.\n\n[bold]chainrule train[/bold]\n\nThen [bold]look[/bold]."))
    Train.
    <BLANKLINE>
        chainrule train
    <BLANKLINE>
    Then **look**.
    """
    text = re.sub(r"^\[bold\](.*)\[/bold\]$", r"    \1", inspect.cleandoc(text), flags=re.M)
    return re.sub(r"\[/?bold\]", "**", text)


def _tables(parameters: Iterable[Any]) -> Iterable[str]:
    """Yield a table for each panel of the help, in the order of the help."""
    panels: dict[str, list[str]] = {}
    for parameter in parameters:
        words = re.sub(r"\[/?\w+\]", "", parameter.help or "").replace("|", r"\|")
        if parameter.param_type_name == "argument":
            panel, names = "Arguments", f"`{parameter.metavar or parameter.name.upper()}`"
        else:
            panel = getattr(parameter, "rich_help_panel", None) or "Options"
            names = ", ".join(f"`{option}`" for option in parameter.opts)
            if parameter.metavar:
                names += f" `{parameter.metavar}`"
        panels.setdefault(panel, []).append(f"| {names} | {words} |")
    for panel, rows in panels.items():
        yield "\n".join([f"| {panel} | |", "|---|---|", *rows])
