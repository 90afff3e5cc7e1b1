"""The databases of the tests: SQLite, DuckDB, and a PostgreSQL server in a folder of its own."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from glob import glob
from pathlib import Path

import duckdb
import psycopg
import pytest

TYPES = {
    "sqlite": {"numeric": "REAL", "date": "TEXT", "boolean": "INTEGER", "categorical": "TEXT"},
    "postgresql": {
        "numeric": "double precision", "date": "timestamp", "boolean": "boolean",
        "categorical": "text",
    },
    "duckdb": {
        "numeric": "DOUBLE", "date": "TIMESTAMP", "boolean": "BOOLEAN", "categorical": "VARCHAR",
    },
}  # fmt: skip
MARK = {"sqlite": "?", "postgresql": "%s", "duckdb": "?"}


def server_programs():
    """Return the folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else map(Path, glob("/usr/lib/postgresql/*/bin"))
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Server:
    """A PostgreSQL server on a socket in a new folder, for as long as the tests run."""

    def __init__(self, programs):
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self.user = {}
        if os.geteuid() == 0:  # the server does not run as root
            shutil.chown(self.folder, "postgres")
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.run("initdb", "-A", "trust", "-U", "tests", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c fsync=off -k {self.folder}"
        self.run("pg_ctl", "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def run(self, program, *arguments):
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=60, **self.user
        )

    def connect(self):
        return psycopg.connect(
            host=str(self.folder), user="tests", dbname="postgres", autocommit=True
        )

    def stop(self):
        self.run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def server():
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed")
    made = Server(programs)
    yield made
    made.stop()


@pytest.fixture(params=TYPES)
def database(request):
    """A dialect, and a connection to an empty database of it."""
    if request.param == "postgresql":
        connection = request.getfixturevalue("server").connect()
    elif request.param == "sqlite":
        connection = sqlite3.connect(":memory:")
    else:
        connection = duckdb.connect()
    yield request.param, connection
    connection.close()
