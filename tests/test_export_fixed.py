"""C in whole numbers gives the integers that the plan computes, and these come near the model."""

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
from chainrule.columns import Column, Target
from chainrule.datasets import penguins
from chainrule.exporting.fixedplan import LARGEST, LIMIT, MISSING, Line, fitting, line
from chainrule.exporting.fixedrun import fixed, outputs, raw_cells, shifted
from chainrule.exporting.samples import outputs_of, table_of
from chainrule.exporting.targets import Options, compared, written
from chainrule.network import HIDDEN, OUTPUTS
from rawrows import random_rows
from test_export import BUMP, HOSTILE, KINDS, MIXED, NUMBER, THREE, model_of

STRICT = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"]
GUARDED = ["-fsanitize=undefined", "-fno-sanitize-recover"]
WITHIN = {16: 0.01, 8: 0.3}  # of a probability, or in standard deviations of the target
CC = shutil.which("gcc") or shutil.which("cc")
compiled = pytest.mark.skipif(CC is None, reason="there is no C compiler")


def errors(model, fixed, columns):
    """Return how far the integers are from the model on some rows, in their raw units."""
    table = table_of(model.spec, columns)
    found = outputs(fixed.plan, raw_cells(fixed.plan, table)) / 2.0**fixed.plan.bits
    scale = 1.0 if model.spec.target.classes else model.spec.target.scale
    return np.abs(found - outputs_of(model, columns)) / scale


def rows_inside(model, count=200, seed=5):
    """Return rows within three standard deviations, such as the formats are made for."""
    columns = random_rows(model, count, seed, far=(2.5, -3.0))
    for column in model.spec.columns:
        if column.kind in ("numeric", "date"):
            ends = (column.mean - 3 * column.scale, column.mean + 3 * column.scale)
            columns[column.name] = [
                cell if cell is None else float(np.clip(cell, *ends))
                for cell in columns[column.name]
            ]
    return columns


@pytest.mark.parametrize(("hidden", "width"), [*product([*HIDDEN, chainrule.Rule(BUMP)], WITHIN)])
def test_every_activation_comes_near_the_model(hidden, width):
    network = Network((3, 5, 4, 3), hidden=hidden, output="softmax", loss="cross_entropy")
    model = model_of(network, THREE)
    found = fixed(model, width)
    assert found.measured.largest < WITHIN[width]
    assert errors(model, found, rows_inside(model)).max() < WITHIN[width]


@pytest.mark.parametrize(("output", "width"), [*product([*OUTPUTS, chainrule.Rule(BUMP)], WITHIN)])
def test_every_output_comes_near_the_model(output, width):
    softmax = output == "softmax"
    network = Network((3, 6, 3 if softmax else 1), hidden="tanh", output=output)
    model = model_of(network, THREE if softmax else NUMBER, members=3)
    assert errors(model, fixed(model, width), rows_inside(model)).max() < WITHIN[width]


def test_sixteen_bits_come_nearer_than_eight():
    model = model_of(*KINDS["softmax"])
    sixteen, eight = (fixed(model, width).measured for width in (16, 8))
    assert 0.0 < sixteen.largest < eight.largest / 20.0
    assert sixteen.mean < sixteen.largest


def rows_of_c(model, plan, columns, folder, name="m"):
    """Compile a program of these rows, guarded against undefined behaviour, and run it."""
    text = written(model, "c", Options(name, fixed_point=plan.width))[".h"]
    (folder / "m.h").write_text(text)
    kinds = [field.column for field in plan.fields]
    count = len(next(iter(columns.values())))
    lines = []
    for k in range(count):
        cells = [columns[column.name][k] for column in kinds]
        lines.append("{" + ", ".join("INT32_MIN" if c == MISSING else str(c) for c in cells) + "}")
    width = len(model.spec.target.classes) or 1
    call = f"{name}_predict(&rows[i], out)" if width > 1 else f"out[0] = {name}_predict(&rows[i])"
    (folder / "t.c").write_text(
        f'#include "m.h"\n#include <stdio.h>\nint main(void) {{ int i, j; int32_t out[{width}];\n'
        f"static const {name}_row rows[] = {{{', '.join(lines)}}};\n"
        f"for (i = 0; i < {count}; i++) {{ {call}; for (j = 0; j < {width}; j++)"
        '\nprintf("%ld ", (long)out[j]);\nputs(""); } return 0; }\n'
    )
    command = [CC, *STRICT, *guards(folder), "t.c", "-o", "t"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([folder / "t"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return np.array([[int(word) for word in row.split()] for row in done.stdout.splitlines()])


def guards(folder):
    (folder / "g.c").write_text("int main(void) { return 0; }\n")
    command = [CC, *GUARDED, "g.c", "-o", "g"]
    return (
        GUARDED if not subprocess.run(command, cwd=folder, capture_output=True).returncode else []
    )


@compiled
@pytest.mark.parametrize("hidden", ["relu", "leaky_relu", "silu"])
@pytest.mark.parametrize("kind", ["identity", "exp", "softmax", "sigmoid"])
@pytest.mark.parametrize("width", WITHIN)
def test_anything_at_all_in_a_row_saturates(hidden, kind, width, tmp_path):
    plain, target = KINDS[kind]
    network = Network((3, 6, plain.sizes[-1]), hidden, plain.output, plain.loss)
    model = model_of(network, target)
    model.parameters[:] *= 1.5 if kind == "exp" else 7.0
    plan = fixed(model, width).plan
    far = [LARGEST, -LARGEST, MISSING, MISSING + 1, 0, 1, -1, 2**30, -(2**30), 99_999]
    random = np.random.default_rng(0)
    columns = {name: random.permutation(far).tolist() for name in ("x0", "x1", "x2")}
    columns["x0"][:2], columns["x1"][:2], columns["x2"][:2] = ([LARGEST, -LARGEST],) * 3
    found = rows_of_c(model, plan, columns, tmp_path)
    np.testing.assert_array_equal(found, outputs(plan, columns))


@compiled
@pytest.mark.parametrize("width", WITHIN)
def test_raw_rows_of_every_kind_of_column(width, tmp_path):
    network = Network((sum(c.width for c in MIXED), 6, 1), hidden="tanh")
    model = model_of(network, NUMBER, columns=MIXED, coverage=0.8)
    options = Options("m", fixed_point=width)
    (tmp_path / "m.h").write_text(written(model, "c", options)[".h"], encoding="utf-8")
    found = compared(model, "c", options, {".h": tmp_path / "m.h"})
    assert 0.0 < found.largest < WITHIN[width], found
    assert "standard deviations" in found.told
    assert errors(model, fixed(model, width), rows_inside(model)).max() < WITHIN[width]


@compiled
def test_names_cannot_break_out(tmp_path):
    columns = tuple(
        Column(name, "categorical", categories=(f"{name}1", f"{name}\t2")) for name in HOSTILE
    )
    network = Network((2 * len(columns), 2), output="softmax", loss="cross_entropy")
    target = Target("*/ end */ \n#include <x>", "classification", (HOSTILE[1], HOSTILE[3]))
    model, options = model_of(network, target, columns=columns), Options("m", fixed_point=16)
    (tmp_path / "m.h").write_text(written(model, "c", options)[".h"])
    assert compared(model, "c", options, {".h": tmp_path / "m.h"}).largest < 0.01


@compiled
def test_it_is_cpp_too_and_has_no_floating_point(tmp_path):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    for kind, (network, target) in KINDS.items():
        model = model_of(network, target, coverage=None if target.classes else 0.8)
        text = written(model, "c", Options("m", fixed_point=16))[".h"]
        code = text.partition("*/")[2].partition("#ifdef M_SELF_TEST")[0]
        for word in ("float", "double", "math.h", "NAN"):
            assert word not in code
        (tmp_path / f"{kind}.h").write_text(text)
        flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-DM_SELF_TEST", "-include"]
        for compiler in (["gcc", "-std=c99", "-x", "c"], ["g++", "-std=c++11", "-x", "c++"]):
            command = [*compiler, *flags, f"{kind}.h", "/dev/null", "-o", "t"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert subprocess.run([tmp_path / "t"], capture_output=True).returncode == 0


@compiled
def test_a_wrong_weight_is_noticed(tmp_path):
    model, options = model_of(*KINDS["softmax"]), Options("m", fixed_point=16)
    weight = str(fixed(model, 16).plan.layers[0].weights[0, 0, 0])
    text = written(model, "c", options)[".h"]
    (tmp_path / "m.h").write_text(text.replace(f" {weight},", f" {int(weight) + 999},", 1))
    assert compared(model, "c", options, {".h": tmp_path / "m.h"}).largest == np.inf


def test_formats_are_fitted_to_the_table_that_is_given():
    model = chainrule.fit(penguins(), "species", epochs=3, hidden_layer_sizes=4)
    found = fixed(model, 16, penguins())
    bits = {field.column.name: field.bits for field in found.plan.fields}
    assert bits["body_mass_g"] == bits["flipper_length_mm"] == 0  # whole numbers in the table
    assert (found.measured.rows, found.measured.where) == (344, "rows given")
    assert found.measured.differ == 0
    header = written(model, "c", Options("m", fixed_point=16, calibrate=penguins()))[".h"]
    assert "0 of them get another class" in header
    assert "int32_t body_mass_g; /* body_mass_g: the value */" in header


def test_an_interval_is_as_wide_as_the_models():
    model = model_of(*KINDS["identity"], coverage=0.8)
    bits = fixed(model, 16).plan.bits
    lower, upper = model.predict_interval(pa.table({f"x{i}": [0.5] for i in range(3)}))
    half = round(float(upper[0] - lower[0]) / 2 * 2**bits)
    header = written(model, "c", Options("m", fixed_point=16))[".h"]
    assert f"*lower = m_within(value - {half}, {LARGEST});" in header
    assert f"*upper = m_within(value + {half}, {LARGEST});" in header


def test_numbers_that_do_not_fit_are_refused():
    far = (Column("seconds", "numeric", mean=1.7e12, scale=3.0),)
    with pytest.raises(BadSetting, match=r"column 'seconds' has mean .* less its mean"):
        fixed(model_of(Network((1, 1)), NUMBER, columns=far), 16)
    with pytest.raises(BadSetting, match=r"the target 'y' has mean .* less its mean"):
        fixed(model_of(Network((1, 1)), Target("y", "regression", mean=1e12)), 16)
    steep = model_of(Network((3, 1)), NUMBER)
    steep.parameters[:] *= 1e9
    with pytest.raises(BadSetting, match="too large beside its other numbers"):
        fixed(steep, 16)
    wild = model_of(Network((3, 1), output="exp", loss="poisson"), NUMBER)
    wild.parameters[:] *= 100.0
    with pytest.raises(BadSetting, match=r"exp reaches .* too much for fixed point"):
        fixed(wild, 16)


def test_options_are_refused_where_they_mean_nothing(tmp_path):
    model = model_of(*KINDS["identity"])
    with pytest.raises(BadSetting, match="fixed_point=32 must be 8 or 16"):
        model.export("c", tmp_path / "m.h", fixed_point=32)
    with pytest.raises(BadSetting, match="of C alone, not of python"):
        model.export("python", tmp_path / "m.py", fixed_point=16)
    with pytest.raises(BadSetting, match="calibrate is for fixed_point"):
        model.export("c", tmp_path / "m.h", calibrate=pa.table({"x0": [1.0]}))
    assert not list(tmp_path.iterdir())


@given(st.floats(1e-12, 1e12), st.sampled_from([127, LIMIT, LARGEST]))
def test_what_fits_fits_and_no_finer(value, limit):
    bits = fitting(value, limit)
    assert value * 2.0**bits <= limit < value * 2.0 ** (bits + 1) * (1 + 1e-12)


@given(st.integers(-(2**50), 2**50), st.integers(0, 40))
def test_shifts_round_to_the_nearest(x, bits):
    assert abs(int(shifted(np.array([x]), bits)[0]) * 2**bits - x) * 2 <= 2**bits


@given(st.floats(1e-6, 1e3), st.floats(-1e6, 1e6))
@settings(max_examples=50)
def test_a_line_in_integers_is_the_line(slope, intercept):
    found: Line = line(slope, intercept, 28)
    for x in (0, 1, -1000, 2**31 - 1):
        exact = slope * x + intercept
        got = (x * found.multiplier - found.offset) / 2**found.shift
        assert got == pytest.approx(exact, rel=1e-3 if slope < 1e-3 else 1e-6, abs=1.0)
        assert abs(x * found.multiplier - found.offset) < 2**62
