"""Artefacts in other languages give what the model gives, whatever is in the columns."""

import shutil
import subprocess
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule
from chainrule import BadSetting, Network
from chainrule.columns import Column, TableSpec, Target
from chainrule.datasets import penguins
from chainrule.ensemble import Ensemble
from chainrule.exporting.samples import outputs_of, samples
from chainrule.exporting.spelling import c_string, comment, identifier, identifiers
from chainrule.exporting.targets import TARGETS, TOLERANCES, Options, compared, written
from chainrule.exporting.targets import largest_difference as largest
from chainrule.model import Model
from chainrule.network import HIDDEN
from chainrule.summary import Summary

BUMP = (
    "def bump(z):\n    u = z ** 3 - 2 * z\n    e = exp(-(u * u))\n"
    "    return e, -2.0 * u * (3 * z ** 2 - 2) * e"
)
HOSTILE = (
    "plain", 'a"b', "a'b", "*/ int x; /*", "<script>alert(1)</script>", "a\nb", "a\\", "??/",
    "__proto__", "class", "größe in €", "価格", "", " ", "x" * 300, "${1}", "`", '"""', "%s%n",
)  # fmt: skip
RUNTIMES = {"c": "cc", "javascript": "node", "python": "python3"}
SHIPPED = Options("shipped")
NO_NUL = st.characters(exclude_characters="\0")  # which text in C cannot hold
TEXTS = tuple(RUNTIMES)  # ONNX and SQL have tests of their own


def needs(to):
    if shutil.which(RUNTIMES[to]) is None:
        pytest.skip(f"{RUNTIMES[to]} is not installed")


def model_of(network, target, dtype="float64", columns=None, members=2, seed=0, coverage=None):
    columns = columns or tuple(Column(f"x{i}", "numeric") for i in range(network.sizes[0]))
    random = np.random.default_rng(seed)
    parameters = np.stack([
        network.initial(random, dtype=dtype) + random.normal(0, 0.2, network.n_parameters)
        for _ in range(members)
    ]).astype(dtype)  # fmt: skip
    held = np.sort(np.abs(random.normal(size=(200, network.sizes[-1]))), axis=0).astype(dtype)
    residuals = held if coverage else held[:0]
    spec = TableSpec(columns, target)
    summary = Summary("0.1.0", {"intervals": coverage})
    return Model(Ensemble(network, parameters, residuals), spec, summary)


def tried(model, to, folder):
    needs(to)
    files = {}
    for ending, text in written(model, to, SHIPPED).items():
        files[ending] = folder / f"shipped{ending}"
        files[ending].write_text(text, encoding="utf-8")
    return compared(model, to, SHIPPED, files)


NUMBER = Target("y", "regression", mean=3.5, scale=2.0)
TWO = Target("y", "classification", ("no", "yes"))
THREE = Target("y", "classification", ("a", "b", "c"))
KINDS = {
    "identity": (Network((3, 4, 1), output="identity"), NUMBER),
    "sigmoid": (Network((3, 4, 1), output="sigmoid", loss="binary_cross_entropy"), TWO),
    "softmax": (Network((3, 4, 3), output="softmax", loss="cross_entropy"), THREE),
    "exp": (Network((3, 4, 1), output="exp", loss="poisson"), NUMBER),
}


@pytest.mark.parametrize("to", TEXTS)
@pytest.mark.parametrize("hidden", [*HIDDEN, chainrule.Rule(BUMP)], ids=str)
def test_every_activation_gives_the_models_numbers(to, hidden, tmp_path):
    network = Network((3, 5, 4, 3), hidden=hidden, output="softmax", loss="cross_entropy")
    found = tried(model_of(network, THREE), to, tmp_path)
    assert found.largest <= TOLERANCES["float64"], found


@pytest.mark.parametrize(("to", "kind", "dtype"), list(product(TEXTS, KINDS, TOLERANCES)))
def test_every_kind_of_output_in_both_types(to, kind, dtype, tmp_path):
    network, target = KINDS[kind]
    model = model_of(network, target, dtype, members=3, coverage=0.9 if target is NUMBER else None)
    found = tried(model, to, tmp_path)
    assert found.largest <= TOLERANCES[dtype], found


MIXED = (
    Column("number", "numeric", mean=10.0, scale=3.0, fill=9.5, missing=True),
    Column("day", "date", mean=19000.0, scale=365.0, fill=19010.0, missing=True),
    Column("flag", "boolean", fill=0.4, missing=True),
    Column("town", "categorical", categories=("Ulm", "Köln", 'O"Fallon'), missing=True),
    Column("doors", "categorical", categories=("2", "4")),
    Column("gone", "dropped"),
)


@pytest.mark.parametrize("to", TEXTS)
def test_raw_rows_of_every_kind_of_column(to, tmp_path):
    network = Network((sum(c.width for c in MIXED), 6, 1), hidden="tanh")
    found = tried(model_of(network, NUMBER, columns=MIXED, coverage=0.8), to, tmp_path)
    assert found.largest <= TOLERANCES["float64"], found


@pytest.mark.parametrize("to", TEXTS)
def test_a_trained_model_of_the_penguins(to, tmp_path):
    found = tried(chainrule.fit(penguins(), "species", epochs=3), to, tmp_path)
    assert found.largest <= TOLERANCES["float32"], found


@pytest.mark.parametrize("to", TEXTS)
def test_names_cannot_break_out(to, tmp_path):
    columns = tuple(
        Column(name, "categorical", categories=(f"{name}1", f"{name}\t2")) for name in HOSTILE
    )
    network = Network((2 * len(columns), 2), output="softmax", loss="cross_entropy")
    target = Target("*/ end */ \n#include <x>", "classification", (HOSTILE[1], HOSTILE[3]))
    found = tried(model_of(network, target, columns=columns), to, tmp_path)
    assert found.largest <= TOLERANCES["float64"], found


@given(st.lists(st.text(NO_NUL, max_size=12), min_size=2, max_size=6, unique=True))
@settings(max_examples=10)
def test_any_names_in_c_and_python(tmp_path_factory, names):
    columns = tuple(Column(name, "categorical", categories=(name or "-",)) for name in names)
    network = Network((len(columns), 2), output="softmax", loss="cross_entropy")
    target = Target("y", "classification", (names[0] + "x", names[1]))
    for to in ("c", "python", "javascript"):
        folder = tmp_path_factory.mktemp(to)
        try:
            model = model_of(network, target, columns=columns)
            found = tried(model, to, folder)
        except UnicodeEncodeError:
            continue  # a lone surrogate is no text that a table could hold
        assert found.largest <= TOLERANCES["float64"], (names, found)


def test_c_is_cpp_too_and_has_no_warning(tmp_path):
    needs("c")
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    for kind, (network, target) in KINDS.items():
        path = tmp_path / f"{kind}.h"
        path.write_text(written(model_of(network, target, "float32"), "c", Options("m"))[".h"])
        for command in (["gcc", "-std=c99"], ["g++", "-std=c++11", "-x", "c++"]):
            source = tmp_path / "t.c"
            source.write_text(
                f'#include "{path}"\nint main(void) {{ m_row row; double s = 0; char *p = (char *)'
                "&row; unsigned i; for (i = 0; i < sizeof row; i++) p[i] = 0;\n"
                "(void)s; (void)m_predict(&row"
                + (", 0" if target.classes else "")
                + "); return 0; }\n"
            )
            flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"]
            done = subprocess.run(
                [*command, *flags, str(source), "-o", str(tmp_path / "t"), "-lm"],
                capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("to", TEXTS)
def test_the_self_test_fails_where_numbers_are_wrong(to, tmp_path):
    needs(to)
    model = model_of(*KINDS["softmax"])
    first = repr(float(model.parameters[0, 0]))
    files = {}
    for ending, text in written(model, to, SHIPPED).items():
        files[ending] = tmp_path / f"m{ending}"
        files[ending].write_text(text.replace(first, repr(float(first) + 0.1)))
    assert 1e-4 < compared(model, to, SHIPPED, files).largest < 1.0


def test_types_of_javascript_are_those_of_the_columns():
    types = written(model_of(Network((12, 1)), NUMBER, columns=MIXED), "javascript", SHIPPED)[
        ".d.mts"
    ]
    assert '  "day": Date | number | string | null;' in types
    assert "export function predict(row: Row): number;" in types
    assert "gone" not in types


def test_samples_have_missing_and_unseen_cells():
    model = model_of(Network((12, 1)), NUMBER, columns=MIXED)
    found = samples(model)
    for name, cells in found.columns.items():
        assert None in cells, name
    assert "never seen before" in found.columns["town"]
    assert np.isfinite(found.outputs).all()


def test_an_unknown_target_or_name_is_refused():
    model = model_of(*KINDS["identity"])
    with pytest.raises(BadSetting, match="is not one of c, javascript, onnx, python, sql"):
        model.export("fortran")
    with pytest.raises(BadSetting, match="must be an identifier"):
        model.export("c", name="a b")


@given(st.text())
def test_identifiers_are_identifiers(text):
    assert identifier(text).isidentifier()
    assert identifier(text).isascii()


@given(st.lists(st.text(max_size=5), max_size=8))
def test_identifiers_differ_even_without_case(texts):
    found = [name.lower() for name in identifiers(texts)]
    assert len(set(found)) == len(texts)


@given(st.text())
def test_comments_end_no_comment(text):
    said = comment(text)
    assert "\n" not in said
    for end in ("*/", "--", '"""', "??", "\\"):
        assert end not in said


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_strings_of_c_are_one_literal(text):
    spelled = c_string(text)
    assert spelled[0] == spelled[-1] == '"'
    assert spelled.isascii()
    inside = spelled[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert "?" not in inside


def test_differences_are_relative():
    expected = np.array([[100.0, 0.0]])
    assert largest(np.array([[101.0, 0.0]]), expected) == pytest.approx(0.01)
    assert largest(np.array([[100.0, 1e-5]]), expected) == pytest.approx(0.01)
    assert largest(np.array([[100.0]]), expected) == np.inf
    assert largest(np.array([[np.nan, 0.0]]), expected) == np.inf


def test_plain_python_takes_rows_as_users_have_them(tmp_path):
    from datetime import date

    model = model_of(Network((12, 1)), NUMBER, columns=MIXED, coverage=0.8)
    space = {}
    exec(written(model, "python", SHIPPED)[".py"], space)
    row = {"number": 11.5, "day": date(2022, 3, 4), "flag": True, "town": "Ulm", "doors": 4.0}
    table = pa.table({name: [value] for name, value in row.items()})
    assert space["predict"](row) == pytest.approx(float(model.predict(table)[0]), rel=1e-12)
    lower, upper = space["predict_interval"](row)
    expected = [float(bound[0]) for bound in model.predict_interval(table)]
    assert [lower, upper] == pytest.approx(expected, rel=1e-12)


def test_a_model_is_exported_to_every_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = chainrule.fit(penguins(), "species", epochs=3, hidden_layer_sizes=4)
    for to, target in TARGETS.items():
        done = model.export(to)
        assert done.files[0].name == f"species{target.ending}"
        assert done.bytes == sum(path.stat().st_size for path in done.files)
        assert done.right
        assert done.largest is None or done.largest < 1e-5, (to, done)


def test_nothing_is_written_where_it_cannot_be(tmp_path):
    model = model_of(*KINDS["identity"])
    with pytest.raises(BadSetting, match="there is no folder"):
        model.export("python", tmp_path / "nowhere" / "m.py")
    with pytest.raises(BadSetting, match="dialect='oracle'"):
        model.export("sql", tmp_path / "m.sql", dialect="oracle")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", TEXTS)
def test_the_text_nan_is_missing_where_the_model_reads_it_so(to, tmp_path):
    columns = (Column("doors", "categorical", categories=("2", "4"), missing=True),)
    model = model_of(Network((3, 4, 1)), NUMBER, columns=columns)
    found = samples(model)
    found.columns["doors"][:3] = ["nan", "4", None]
    outputs = outputs_of(model, found.columns)
    assert outputs[0] == outputs[2]
    tried_on = found._replace(outputs=outputs)
    files = {}
    for ending, text in TARGETS[to].write(model, tried_on, SHIPPED).items():
        files[ending] = tmp_path / f"shipped{ending}"
        files[ending].write_text(text, encoding="utf-8")
    needs(to)
    assert TARGETS[to].compare(model, tried_on, SHIPPED, files, tmp_path).largest < 1e-12
