"""Names of columns, categories, classes, targets and rules stay names, in every language."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import chainrule
from chainrule import Network
from chainrule.columns import Column, Target
from chainrule.exporting.samples import samples
from chainrule.exporting.spelling import comment
from chainrule.exporting.sql import run, self_test
from chainrule.exporting.targets import Options, compared, written
from databases import server  # noqa: F401
from test_export import NUMBER, TEXTS, model_of, needs

# What ends, opens or continues a string, a comment or a line in some language
PIECES = (
    *('"', "'", "`", "\\", "\\\n", "\n", "\r", "\t", "\v", "\f", "\x1b", "\x7f", "\x85"),
    *(
        "*/",
        "/*",
        "//",
        "--",
        "#",
        "-->",
        "<!--",
        "</script>",
        "<![CDATA[",
        '"""',
        "'''",
        "\\u0022",
    ),
    *("??/", "??'", "??/\n", "%>", "<%", "%:", "<:", "${x}", "#{x}", "{x}", "{{", "}}", "%s", "%n"),
    *("\u2028", "\u2029", "\u202e", "\u2066", "\ufeff", "\u200b", "\u0301", "é", "価", "😀", "ｆ"),
    *(
        "; DROP TABLE t; --",
        "$$",
        "E'",
        "''",
        '""',
        "[",
        "]",
        "\\x22",
        "\\'",
        "\\N",
        "#include <x>",
    ),
    *("__proto__", "constructor", "toString", "class", "import", "NULL", "nan", "true", "0", "1e5"),
    *('_Pragma("x")', "__LINE__", "defined", "NAN", "EOF", "errno", "INT32_MIN", "linux", "far"),
    *("a", "b", "x1", "row", "cell", "m_row", "M_H", "M_BITS", "M_MISSING", "predict", "x", " "),
)
NAMES = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
MANY = st.lists(NAMES, min_size=8, max_size=16, unique=True)
SQL_NAMES = st.lists(
    NAMES.map(lambda name: name.replace("\0", "")).filter(lambda name: 0 < len(name.encode()) < 60),
    min_size=4,
    max_size=8,
    unique_by=lambda name: name.casefold(),
)


def named(names):
    """Return a model whose columns, categories, classes and target have these names."""
    numbers, texts = names[::2], names[1::2]
    columns = [Column(name, "numeric", mean=1.0, scale=2.0) for name in numbers]
    columns += [
        Column(n, "categorical", categories=(n or "-", f"{n}'2"), missing=True) for n in texts
    ]
    classes = tuple(dict.fromkeys(["no", *names[2:4]]))[:3]
    network = Network(
        (sum(c.width for c in columns), 3, len(classes)), output="softmax", loss="cross_entropy"
    )
    target = Target(names[0], "classification", classes)
    return model_of(network, target, columns=tuple(columns), members=1)


@given(MANY)
@settings(
    max_examples=6,  # each compiled five times
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_pieces_of_every_syntax(tmp_path, names):
    model = named(names)
    for to in TEXTS:
        needs(to)
        for options in (Options("m"), *([Options("m", fixed_point=16)] if to == "c" else [])):
            files = {}
            for ending, text in written(model, to, options).items():
                files[ending] = tmp_path / f"m{ending}"
                files[ending].write_bytes(text.encode())
            found = compared(model, to, options, files)
            assert found.largest <= (0.05 if options.fixed_point else 1e-12), (names, found)
            if to == "c" and shutil.which("g++"):
                assert_cpp(tmp_path)
        if to == "javascript":
            assert_types(model, files[".d.mts"].read_text(encoding="utf-8"))


def assert_cpp(folder):
    (folder / "t.cpp").write_text('#include "m.h"\nint main() { return 0; }\n')
    flags = ["-std=c++11", "-trigraphs", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    flags += ["-Wno-unused-function", "-fsyntax-only"]
    done = subprocess.run(["g++", *flags, "t.cpp"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def assert_types(model, text):
    """Every line is one declaration, and its strings read back as the names."""
    assert text.isascii()
    fields = re.findall(r'(?m)^  ("(?:[^"\\]|\\.)*"): [A-Za-z| ]+;$', text)
    assert [json.loads(field) for field in fields] == [c.name for c in model.spec.columns]
    labels = re.search(r"(?m)^export type Class = (.*);$", text)[1]
    found = re.findall(r'"(?:[^"\\]|\\.)*"', labels)
    assert [json.loads(label) for label in found] == list(model.spec.target.classes)
    assert " | ".join(found) == labels
    assert "</" not in text


@given(SQL_NAMES)
@settings(max_examples=15)
def test_pieces_of_every_syntax_in_sqlite_and_duckdb(names):
    model = named(names)
    for dialect in ("sqlite", "duckdb"):
        assert run(self_test(model, dialect, samples(model)), dialect)[0][0] <= 1e-12, names


@given(names=SQL_NAMES)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_of_every_syntax_in_postgresql(server, names):  # noqa: F811
    model = named(names)
    with server.connect() as connection:
        sql = self_test(model, "postgresql", samples(model))
        assert connection.execute(sql).fetchone()[0] <= 1e-12, names


@given(NAMES, NAMES)
def test_a_comment_is_one_line_and_stays_open(first, second):
    said = comment(f"{first}{second}")
    for end in ("\n", "\r", "*/", "/*", "--", '"""', "??", "\\", "\u2028", "\u202e", "\0"):
        assert end not in said


RULE = (
    "def {name}(größe):\n    {other} = tanh(2.0 * größe)\n"
    "    return {other}, 2.0 * (1.0 - {other} * {other})"
)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("wölbung", "価"), ("int", "double"), ("m", "NAN"), ("row", "self"), ("predict", "int")),
        *(
            ("x", "typeof"),
            ("missing", "h"),
            ("math", "real"),
            ("layer", "const"),
            ("main", "Math"),
        ),
    ],
)
@pytest.mark.parametrize("to", TEXTS)
def test_names_in_rules(to, name, other, tmp_path):
    needs(to)
    rule = chainrule.Rule(RULE.format(name=name, other=other))
    model = model_of(Network((2, 3, 1), hidden=rule), NUMBER)
    files = {}
    for ending, text in written(model, to, Options("m")).items():
        files[ending] = tmp_path / f"m{ending}"
        files[ending].write_bytes(text.encode())
    found = compared(model, to, Options("m"), files)
    assert found.largest <= 1e-12, found


def test_a_nul_is_refused_in_c():
    column = Column("x", "categorical", categories=("a\0b",))
    for options in (Options("m"), Options("m", fixed_point=16)):
        with pytest.raises(chainrule.BadSetting, match="holds the character NUL"):
            written(model_of(Network((1, 1)), NUMBER, columns=(column,)), "c", options)


def test_a_column_with_the_name_of_a_macro_of_the_header(tmp_path):
    needs("c")
    names = ("PRICE_H", "PRICE_BITS", "PRICE_MISSING", "PRICE_SELF_TEST", "PRICE_BITS_OF_X", "X")
    columns = tuple(Column(name, "numeric") for name in names)
    model = model_of(Network((6, 1)), Target("PRICE", "regression"), columns=columns)
    for bits in (0, 16):
        done = model.export("c", tmp_path / "m.h", fixed_point=bits)
        assert done.right, done.by
    assert np.isfinite(done.largest)
