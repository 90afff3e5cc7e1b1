"""Reading: every format, encoding and delimiter; types over the whole file; clear errors."""

import datetime as dt
import gzip
import io
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from chainrule.datasets import penguins, penguins_path
from chainrule.errors import BadTable
from chainrule.parsing import MISSING
from chainrule.reading import read_table


@pytest.fixture
def read(tmp_path):
    """Write bytes (or text as UTF-8) to a file and read it."""

    def write_and_read(content, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(path, **options)

    return write_and_read


def types(table):
    return {field.name: str(field.type) for field in table.schema}


# Formats, delimiters, encodings


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(read, delimiter, end):
    rows = ["a,b,c", "1,x,2.5", '2,"y,\'z",3']
    table = read(end.join(row.replace(",", delimiter) for row in rows) + end)
    inside = f"y{delimiter}'z"
    assert table.to_pydict() == {"a": [1, 2], "b": ["x", inside], "c": [2.5, 3.0]}


def test_a_last_line_without_end_and_blank_lines(read):
    assert read("\r\n\na,b\n1,2\n\n3,4").to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_a_single_column(read):
    assert read("a\n1\n2\n").to_pydict() == {"a": [1, 2]}


def test_the_delimiter_is_the_one_that_fits_most_rows(read):
    table = read('name;text;n\nx;"one, two; three";1\ny;four, five;2\n')
    assert table.to_pydict() == {
        "name": ["x", "y"],
        "text": ["one, two; three", "four, five"],
        "n": [1, 2],
    }


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "cp1252", "latin-1"]
)
def test_encodings(read, encoding):
    text = "größe,ort\n1,Köln\n2,Besançon\n"
    if encoding == "utf-16-le-bom":
        data = b"\xff\xfe" + text.encode("utf-16-le")
    else:
        data = text.encode(encoding)
    assert read(data).to_pydict() == {"größe": [1, 2], "ort": ["Köln", "Besançon"]}


def test_one_late_byte_that_is_no_utf8_makes_the_whole_file_windows_1252(read):
    data = b"a,b\n" + b"1,x\n" * 300_000 + b"2,caf\xe9 \x80\n"
    assert read(data)["b"][-1].as_py() == "café €"


def test_bytes_that_windows_1252_does_not_know_are_latin_1(read):
    assert read(b"a,b\n1,\x81\xe9\n")["b"][0].as_py() == "\x81é"


def test_gzip_is_told_by_its_bytes_not_its_name(read):
    assert read(gzip.compress(b"a,b\n1,2\n"), "plain.csv").to_pydict() == {"a": [1], "b": [2]}
    assert read(b"a,b\n1,2\n", "named.csv.gz").to_pydict() == {"a": [1], "b": [2]}
    both = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    assert read(both).to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_parquet_round_trip_keeps_types(tmp_path):
    table = pa.table(
        {"i": pa.array([1, None], "int8"), "s": ["a", "b"], "d": [dt.date(2024, 1, 31), None]}
    )
    parquet.write_table(table, tmp_path / "table.csv")  # told by its bytes
    assert read_table(tmp_path / "table.csv").equals(table)


def test_the_index_that_pandas_writes_into_parquet_is_no_column(tmp_path):
    pd.DataFrame({"a": [3, 1]}, index=["u", "v"]).to_parquet(tmp_path / "t.parquet")
    assert parquet.read_schema(tmp_path / "t.parquet").names == ["a", "__index_level_0__"]
    assert read_table(tmp_path / "t.parquet").to_pydict() == {"a": [3, 1]}


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(monkeypatch, packed):
    data = gzip.compress(b"a;b\n1;2,5\n") if packed else b"a;b\n1;2,5\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read_table("-").to_pydict() == {"a": [1], "b": [2.5]}


def test_paths_as_text_and_bytes_and_path(tmp_path):
    path = tmp_path / "ä.csv"
    path.write_text("a,b\n1,2\n")
    for form in (
        path,
        str(path),
    ):
        assert read_table(form).to_pydict() == {"a": [1], "b": [2]}


def test_a_very_wide_table(read):
    names = [f"column {i}" for i in range(2000)]
    rows = [",".join(str(i + row / 4) for i in range(2000)) for row in range(3)]
    table = read(",".join(names) + "\n" + "\n".join(rows) + "\n")
    assert table.column_names == names
    assert table["column 1999"].to_pylist() == [1999.0, 1999.25, 1999.5]


def test_a_cell_longer_than_a_block(read):
    long = "x" * 13_000_000
    assert read(f'a,b\n1,"{long}"\n2,y\n')["b"].to_pylist() == [long, "y"]


def test_odd_column_names(read):
    names = ['say "hi"', "two\nlines", "größe", "🐧 id", "a,b", "x y"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    table = read(f"{header}\n1,2,3,4,5,6\n7,8,9,10,11,12\n")
    assert table.column_names == names
    assert table["two\nlines"].to_pylist() == [2, 8]


def test_columns_without_a_name_are_called_by_their_place(read):
    assert read(",a,\n0,5,7\n").to_pydict() == {"column_1": [0], "a": [5], "column_3": [7]}


# Types


@pytest.mark.parametrize(
    ("cells", "type_", "values"),
    [
        (["1", "2"], "int64", [1, 2]),
        (["1", ""], "int64", [1, None]),
        (["1", " 2 "], "int64", [1, 2]),
        (["1", "1.5"], "double", [1.0, 1.5]),
        (["+1.5", "-.5"], "double", [1.5, -0.5]),
        (["1e3", "2E-3"], "double", [1000.0, 0.002]),
        (["inf", "1"], "double", [float("inf"), 1.0]),
        (["99999999999999999999", "1"], "double", [1e20, 1.0]),
        (["?", "3"], "int64", [None, 3]),
        (["-", "-3"], "int64", [None, -3]),
        (["?", "a"], "string", ["?", "a"]),
        (["0x1F", "0x2F"], "string", ["0x1F", "0x2F"]),
        (["12%", "13%"], "string", ["12%", "13%"]),
        (["true", "FALSE"], "bool", [True, False]),
        (["True", "?"], "bool", [True, None]),
        (["true", "1"], "string", ["true", "1"]),
        (["yes", "no"], "string", ["yes", "no"]),
        (["2024-02-29", "?"], "date32[day]", [dt.date(2024, 2, 29), None]),
        (["2023-02-29", "2024-01-01"], "string", ["2023-02-29", "2024-01-01"]),
        (["2024-01-31 12:00", "2024-01-31"], "timestamp[us]", None),
        (["2024-01-31T12:00:00Z", "2024-01-31T12:00:00+02:00"], "timestamp[us, tz=UTC]", None),
        (["2024-01-31T12:00:00.123456789", ""], "timestamp[ns]", None),
        (["31/12/2024", "01/02/2024"], "string", ["31/12/2024", "01/02/2024"]),
        ([" a ", "b"], "string", ["a", "b"]),
    ],
)
def test_the_type_of_a_column(read, cells, type_, values):
    table = read("n,x\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))
    assert types(table)["x"] == type_
    if values is not None:
        assert table["x"].to_pylist() == values


def test_times_are_converted_to_utc(read):
    table = read("n,t\n1,2024-01-31T12:00:00Z\n2,2024-01-31T12:00:00+02:00\n")
    assert [value.hour for value in table["t"].to_pylist()] == [12, 10]


@pytest.mark.parametrize(
    "spelling",
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "Null", "null", "None"],
)
@pytest.mark.parametrize("form", ["{}", '"{}"', " {} "])
def test_spellings_of_missing(read, spelling, form):
    cell = form.format(spelling)
    table = read(f"i,s\n1,a\n{cell},{cell}\n3,b\n")
    assert table.to_pydict() == {"i": [1, None, 3], "s": ["a", None, "b"]}


def test_text_that_only_looks_missing_stays_text(read):
    assert read("i,s\n1,Na\n2,no\n3,none\n4,0\n")["s"].to_pylist() == ["Na", "no", "none", "0"]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["3,14", "2"], [3.14, 2.0]),
        (["-1.234,5", "1.234.567"], [-1234.5, 1234567.0]),
        (["1.5", "2.25"], [1.5, 2.25]),
        (["1,5", "2.5"], ["1,5", "2.5"]),
        (["1,5e3", "?"], [1500.0, None]),
    ],
)
def test_decimal_commas(read, cells, values):
    table = read("n;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells)))
    assert table["x"].to_pylist() == values


def test_a_quoted_comma_in_a_file_of_commas_is_no_decimal_comma(read):
    assert read('n,x\n1,"1,500"\n')["x"].to_pylist() == ["1,500"]


def test_types_are_decided_over_the_whole_file(read):
    early = b"1,1,1,true,2024-01-01\n" * 120_000
    table = read(b"float,text,none,flag,date\n" + early + b"1.5,abc,?,maybe,soon\n")
    assert types(table) == {
        "float": "double",
        "text": "string",
        "none": "int64",
        "flag": "string",
        "date": "string",
    }
    last = {name: table[name][-1].as_py() for name in table.column_names}
    assert last == {"float": 1.5, "text": "abc", "none": None, "flag": "maybe", "date": "soon"}
    assert table["text"][0].as_py() == "1"


def test_quoted_newlines_and_quotes(read):
    table = read('a,b\n"one\ntwo","say ""hi"""\n"three\r\nfour",5" pipe\n')
    assert table.to_pydict() == {"a": ["one\ntwo", "three\r\nfour"], "b": ['say "hi"', '5" pipe']}


def test_kinds_of_training_decide_the_types(read):
    text = "a,b,c,d,e\n1,1,1,2024-01-01,007\n2,2,0,2024-01-02,008\n"
    kinds = {"a": "categorical", "b": "numeric", "c": "boolean", "d": "categorical", "e": "dropped"}
    table = read(text, columns=kinds)
    assert list(types(table).values()) == ["string", "int64", "string", "string", "string"]
    assert table["e"].to_pylist() == ["007", "008"]


def test_a_kind_that_the_cells_do_not_have_leaves_text(read):
    table = read("a,b\nx,1\n2,2\n", columns={"a": "numeric", "not there": "numeric"})
    assert table["a"].to_pylist() == ["x", "2"]


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_what_polars_writes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    columns = [
        [None if cell is None else str(cell) for cell in column]
        for column in zip(*rows, strict=True)
    ]
    frame = pl.DataFrame({"n": range(len(rows)), "x": columns[0], "y": columns[1]}, strict=False)
    frame = frame.with_columns(pl.col("x", "y").cast(pl.String))
    frame.write_csv(path)
    table = read_table(path, columns={"x": "categorical", "y": "categorical"})
    for name, column in zip("xy", columns, strict=True):
        stripped = [(cell or "").strip(" \t\n\r\v\f") for cell in column]
        expected = [None if cell in MISSING else cell for cell in stripped]
        assert table[name].to_pylist() == expected


# Errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"table\.csv is empty"),
        (b" \n\n", r"table\.csv is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b""), "is empty"),
        (b"a,b\n", "has column names but no rows"),
        (b'"a","b"\n', "has column names but no rows"),
        (b"a,b", "has column names but no rows"),
        (b"a,b,a\n1,2,3\n", "'a' at positions 1, 3"),
        (b"a,b\n1,2\n3\n", r"table\.csv, line 3: 1 fields where the header has 2"),
        (b'a,b\n"x\ny",2\n\n3,4,5\n', "line 5: 3 fields where the header has 2"),
        (b"\n\r\na,b\n\n1,2\n3\n", "line 6: 1 fields"),
        (b"a,b\r1,2\r3\r", "line 3: 1 fields"),
        (b"a,b\n" + b"1" * 200_000 + b",2\n1,2,3,4\n", "line 3: 4 fields"),
        (b'a,b\n"' + b"x,y\n" * 100_000, "line 2: a quote opens and is never closed"),
        (b'a,b\n1,2\n3,"x\n4,5\n', "line 3: a quote opens and is never closed"),
        (b'a,b\n1,"x', "line 2: a quote opens and is never closed"),
        (b'a,b\n1,"', "line 2: a quote opens and is never closed"),
        (b'a,b\n5" pipe,1\n3,"x\n', "line 3: a quote opens and is never closed"),
        (b'"a,b\n1,2\n', "line 1: a quote opens and is never closed"),
        (b"a,b\n1,2\n3,\x00\n", "NUL byte in line 3"),
        (b"\xff\xfea", r"no valid UTF-16"),
        (bytes(range(256)) * 4, "NUL byte in line 1"),
        (b"PK\x03\x04" + b"x" * 50, "a zip file or an Excel workbook"),
        (gzip.compress(b"a,b\n1,2\n")[:-6], "gzipped and cut short"),
        (gzip.compress(b"a,b\n1,2\n")[:-8] + b"\xff" * 8, "gzipped and damaged"),
        (gzip.compress(b"a,b\n1,2\n")[:10] + b"\xff" * 20, "gzipped and damaged"),
        (b"PAR1", "damaged Parquet file"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "damaged Parquet file"),
    ],
)
def test_files_that_are_no_table(read, content, message):
    with pytest.raises(BadTable, match=message):
        read(content)


def test_a_quote_that_closes_at_the_very_end_is_fine(read):
    assert read('a,b\n1,"\n"\n2,"x ""y"""\n')["b"].to_pylist() == [None, 'x "y"']
    assert read('a,b\n5" pipe,""').num_rows == 1


def test_a_damaged_parquet_body(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": np.arange(1000.0)}), path)
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    with pytest.raises(BadTable, match=r"t\.parquet is a damaged Parquet file"):
        read_table(path)


def test_an_empty_parquet_file(tmp_path):
    parquet.write_table(pa.table({"a": pa.array([], "int64")}), tmp_path / "t.parquet")
    with pytest.raises(BadTable, match="1 columns and 0 rows"):
        read_table(tmp_path / "t.parquet")


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(BadTable, match=r"there is no file .*nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(BadTable, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(BadTable, match="cannot be read"):
        read_table("a\0b")


@pytest.mark.parametrize(
    "source", [np.zeros((2, 2)), [[1, 2]], {"a": [1]}, None, 5, pd.Series([1]), pl.Series([1])]
)
def test_what_is_no_table_is_refused_with_what_would_be(source):
    with pytest.raises(BadTable, match=r"is no table; give the path of a CSV or Parquet file"):
        read_table(source)


# Frames


def test_pandas_types(recwarn):
    frame = pd.DataFrame(
        {
            "int": pd.array([1, None], dtype="Int64"),
            "bool": pd.array([True, None], dtype="boolean"),
            "cat": pd.Categorical(["x", None]),
            "codes": pd.Categorical([3, 5]),
            "when": pd.to_datetime(["2024-01-31 06:00", None]),
            "text": ["u", None],
            "float": [1.5, np.nan],
            "mixed": [1, "x"],
            "numbers": np.array([1, "2.5"], dtype=object),
        },
        index=[7, 9],
    )
    table = read_table(frame)
    assert table.column_names == list(frame.columns)
    assert table["int"].to_pylist() == [1, None]
    assert table["bool"].to_pylist() == [True, None]
    assert table["cat"].to_pylist() == ["x", None]
    assert table["codes"].to_pylist() == [3, 5]
    assert table["when"].to_pylist() == [dt.datetime(2024, 1, 31, 6), None]
    assert table["text"].to_pylist() == ["u", None]
    assert table["float"].to_pylist() == [1.5, None]
    assert table["mixed"].to_pylist() == ["1", "x"]
    assert table["numbers"].to_pylist() == [1.0, 2.5]
    assert not recwarn.list


def test_pandas_names_that_are_no_text(recwarn):
    frame = pd.DataFrame({0: [1], "a": [2], ("b", 1): [3]})
    assert read_table(frame).to_pydict() == {"0": [1], "a": [2], "('b', 1)": [3]}
    assert not recwarn.list


def test_pandas_columns_that_cannot_be_read():
    with pytest.raises(BadTable, match="column 'z' cannot be read"):
        read_table(pd.DataFrame({"z": [1 + 2j, 3]}))


def test_polars_types():
    when = dt.datetime(2024, 1, 31, 6)
    frame = pl.DataFrame(
        {
            "cat": pl.Series(["x", None], dtype=pl.Categorical),
            "enum": pl.Series(["y", "x"], dtype=pl.Enum(["x", "y"])),
            "date": [dt.date(2024, 1, 31), None],
            "when": [when, None],
            "decimal": [Decimal("1.5"), None],
            "nan": [float("nan"), 1.0],
        }
    )
    for source in (frame, frame.lazy()):
        table = read_table(source)
        assert table["cat"].to_pylist() == ["x", None]
        assert table["enum"].to_pylist() == ["y", "x"]
        assert table["date"].to_pylist() == [dt.date(2024, 1, 31), None]
        assert table["when"].to_pylist() == [when, None]
        assert table["decimal"].to_pylist() == [Decimal("1.5"), None]
        assert np.isnan(table["nan"][0].as_py())


def test_pyarrow_tables_and_batches_are_taken_as_they_are():
    table = pa.table({"a": [1], "b": ["x"]})
    assert read_table(table) is table
    assert read_table(table.to_batches()[0]).equals(table)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=["1", 1]),
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
    ],
)
def test_frames_with_a_name_twice(frame):
    with pytest.raises(BadTable, match=r"column name '[a1]' .*names must differ"):
        read_table(frame)


def test_the_penguins():
    table = penguins()
    assert penguins_path().is_file()
    assert table.num_rows == 344
    assert types(table) == {
        "species": "string",
        "island": "string",
        "bill_length_mm": "double",
        "bill_depth_mm": "double",
        "flipper_length_mm": "double",
        "body_mass_g": "double",
        "sex": "string",
    }
    assert table["body_mass_g"].to_pylist()[:4] == [3750.0, 3800.0, 3250.0, None]
    assert table["sex"].null_count == 11


def test_importing_costs_neither_pyarrow_nor_pandas():
    code = (
        "import sys, chainrule.table, chainrule.reading, chainrule.datasets;"
        "print(*{'pyarrow', 'narwhals', 'pandas', 'polars', 'sklearn'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
