"""Artefacts read a cell as the model does, however a number, a truth or a date is spelled."""

import datetime
import json
import subprocess

import numpy as np
import pyarrow as pa
import pytest

from chainrule import Network
from chainrule.columns import Column, Target
from chainrule.exporting.fixedrun import fixed
from chainrule.exporting.onnx import graph, run
from chainrule.exporting.onnxinputs import feeds
from chainrule.exporting.samples import outputs_of, samples
from chainrule.exporting.sql import query
from chainrule.exporting.targets import TARGETS, Options, written
from databases import database, server  # noqa: F401
from test_export import MIXED, NUMBER, TEXTS, model_of, needs
from test_export_fixed import CC, compiled, rows_of_c
from test_export_sql import answers, fill_table, numbers

SPELLINGS = (
    *("7", "7.0", "+7", " 7 ", "\t7", "07", "7.", "0.7e1", "70E-1", "7e0", "7.00000", "-7", "7a"),
    *("7.0.0", "7e", "e7", ".", "", "+", "7 7", "0x7", "7_0", "70", "0", "-0", "00.0", "0e9", ".0"),
    *("-0.5", "-.5", "-5e-1", "-0.50", "0.5", "1200", "1.2e3", "12e2", "1200.0", "120", "12000"),
    *("1205", "1.205e3", "1025", "1.0250E+3", "1.5e-7", "0.00000015", "15e-8", "1e16", "1e+16"),
    *("nan", "NaN", "NAN", "Nan", "-nan", "big", "BIG", "Big ", "10000000000000000", "1e400"),
    *("true", "True", "None", "٧", "7\u00a0", "inf", "7,0", "١", "1.5e-07", "1e", "--7", "\u20287"),
)
NUMBERED = (
    *("7", "0", "-0.5", "1200", "1205", "1025", "1.5e-07", "1e+16", "70"),
    *("big", "true", "\u20287"),
)
AS_TEXT = ("7.0", "0", "12e2", "nan")  # not as numbers are spelled, so compared as they stand


def spelled_model(categories):
    column = Column("size", "categorical", categories=categories, missing=True)
    return model_of(Network((len(categories) + 1, 4, 1), hidden="tanh"), NUMBER, columns=(column,))


@pytest.mark.parametrize("categories", [NUMBERED, AS_TEXT], ids=["numbers", "text"])
@pytest.mark.parametrize("to", TEXTS)
def test_numbers_spelled_otherwise(to, categories, tmp_path):
    needs(to)
    model = spelled_model(categories)
    columns = {"size": list(SPELLINGS)}
    tried = samples(model)._replace(columns=columns, outputs=outputs_of(model, columns))
    assert len(np.unique(tried.outputs)) == len(categories) + 2
    files = {}
    for ending, text in TARGETS[to].write(model, tried, Options("m")).items():
        files[ending] = tmp_path / f"m{ending}"
        files[ending].write_text(text, encoding="utf-8")
    found = TARGETS[to].compare(model, tried, Options("m"), files, tmp_path)
    assert found.largest <= 1e-12, found


@compiled
@pytest.mark.parametrize("categories", [NUMBERED, AS_TEXT], ids=["numbers", "text"])
def test_numbers_spelled_otherwise_in_whole_numbers(categories, tmp_path):
    model = spelled_model(categories)
    plan = fixed(model, 16).plan
    cells = {"size": [json.dumps(each, ensure_ascii=False) for each in SPELLINGS]}
    expected = outputs_of(model, {"size": list(SPELLINGS)})
    found = rows_of_c(model, plan, cells, tmp_path) / 2.0**plan.bits
    assert np.abs(found - expected).max() < 0.01
    assert CC


@pytest.mark.parametrize("categories", [NUMBERED, AS_TEXT], ids=["numbers", "text"])
def test_numbers_spelled_otherwise_in_databases(database, categories):  # noqa: F811
    model = spelled_model(categories)
    columns = {"size": [None, *SPELLINGS]}
    fill_table(database, model, columns)
    found = numbers(answers(database, query(model, database[0], "t")), ["prediction"])
    expected = outputs_of(model, columns)
    wrong = [cell for cell, a, b in zip(columns["size"], found, expected, strict=True) if a != b]
    np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=repr(wrong))


def test_whole_numbers_with_a_point_in_onnx():
    column = Column("size", "categorical", categories=("7", "-3", "2.5", "x"), missing=True)
    model = model_of(Network((5, 1)), NUMBER, columns=(column,))
    columns = {"size": ["7", "7.0", "-3", "-3.0", "2.5", "2.50", "x", "x.0", "nan", None, "8.0"]}
    found = run(graph(model, samples(model)), feeds(model.spec, columns))["value"]
    as_read = columns | {"size": [c if c != "2.50" else "other" for c in columns["size"]]}
    np.testing.assert_allclose(found, outputs_of(model, as_read)[:, 0], rtol=1e-12)
    assert len(np.unique(found)) == 6


FLAGS = ["yes", "No", " TRUE", "f", "1", "0", "1.0", "off", True, False, 1, 0.0, None, ""]
DAYS = [
    *("2022-03-04", "2022-03-04T12:30", "2022-03-04 12:30:15.250", "1969-12-31"),
    *("2022-03-04T12:30:15Z", "2022-03-04T12:30:15+02:00", 19000, 19000.5, None, ""),
]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def days_of(cell):
    if not isinstance(cell, str) or not cell:
        return cell or None
    moment = datetime.datetime.fromisoformat(cell)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return (moment - EPOCH) / datetime.timedelta(days=1)


def truth_of(cell):
    if isinstance(cell, str):
        return None if not cell else cell.strip().lower() in ("yes", "true", "1", "1.0")
    return None if cell is None else bool(cell)


def predictions(to, model, rows, folder):
    """Return what an artefact says of rows, or the error that it ends in."""
    text = next(iter(written(model, to, Options("m")).values()))
    if to == "python":
        space = {"__name__": "m"}
        exec(text, space)
        return [space["predict"](row) for row in rows]
    needs("javascript")
    (folder / "m.mjs").write_text(text)
    program = f"console.log(JSON.stringify({json.dumps(rows)}.map(predict)));"
    (folder / "t.mjs").write_text("import { predict } from './m.mjs';\n" + program)
    done = subprocess.run(["node", "t.mjs"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("to", ["python", "javascript"])
def test_truths_and_dates_as_text(to, tmp_path):
    columns = (MIXED[1], MIXED[2])
    model = model_of(Network((4, 3, 1), hidden="tanh"), NUMBER, columns=columns)
    rows = [{"day": day, "flag": flag} for day in DAYS for flag in FLAGS]
    read = {
        "day": [days_of(row["day"]) for row in rows],
        "flag": [truth_of(row["flag"]) for row in rows],
    }
    found = predictions(to, model, rows, tmp_path)
    np.testing.assert_allclose(found, outputs_of(model, read)[:, 0], rtol=1e-12)
    assert len(np.unique(np.round(found, 12))) == 3 * 9


@pytest.mark.parametrize("to", ["python", "javascript"])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"day": None}, "flag"),
        ({"day": "yesterday", "flag": True}, "yesterday"),
        ({"day": None, "flag": "perhaps"}, "perhaps"),
    ],
)
def test_what_cannot_be_read_is_an_error(to, row, message, tmp_path):
    columns = (MIXED[1], MIXED[2])
    model = model_of(Network((4, 3, 1), hidden="tanh"), NUMBER, columns=columns)
    with pytest.raises((ValueError, KeyError), match=message):
        predictions(to, model, [row], tmp_path)


def test_codes_with_an_underscore_are_no_numbers():
    column = Column("code", "categorical", categories=("10", "11"))
    model = model_of(Network((2, 1)), Target("y", "regression"), columns=(column,))
    ten, underscore, other = model.predict(pa.table({"code": ["10", "1_0", "99"]}))
    assert underscore == other != ten
