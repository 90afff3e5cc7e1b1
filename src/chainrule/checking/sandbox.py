"""Judge a learner's code in a process of its own, with a limit on time and on memory.

It is a fence against accidents: a loop without end, a crash, an array too large, a program
that ends itself. It is no defence against malice. The code runs with your rights: it can
read and write your files and use the network, and it could forge its own verdict. Judge code
of strangers in a container or on a machine that has nothing to lose.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from threading import Event
from typing import Any, TextIO

from chainrule.checking.loading import (
    address,
    alone,
    blame,
    choices,
    quoted_line,
    read,
    run,
    take,
    unharmed,
)
from chainrule.checking.report import Mistake, Report, Wrong
from chainrule.errors import BadInput
from chainrule.network import Network
from chainrule.own import Rule

POSIX = os.name == "posix"
SECONDS, MEGABYTES = 60.0, 2048
INTERRUPTED = "Interrupted."
NOT_STARTED = (
    f"No process could be started to judge it in; is chainrule installed for {sys.executable}?"
)
GRACE = 10.0  # seconds to start Python, and after which one is ended that did not end itself
A_LOOK = 0.05  # seconds between looks at the process
NO_MEMORY = ("MemoryError", "allocate memory", "failed to map segment")
LARGEST_REPORT = 4_000_000  # bytes
LARGEST_FILE = 256  # megabytes
START = "from chainrule.checking.sandbox import inside; inside()"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
QUIET = ONE_THREAD | {
    "MPLBACKEND": "Agg",  # a window would wait for somebody to close it
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Limits:
    """What a learner's code may take.

    Attributes
    ----------
    seconds : float
    megabytes : int
        Of memory, besides what Python and NumPy take; not on Windows, and macOS may not
        mind it.
    """

    seconds: float = SECONDS
    megabytes: int = MEGABYTES


LIMITS = Limits()


def judge_apart(
    code: str,
    network: Network | None = None,
    hints: dict[str, str] | None = None,
    limits: Limits = LIMITS,
    stop: Event | None = None,
) -> Report:
    """Return the judgement of a file's function or class, made in another process.

    Parameters
    ----------
    code : str
        ``FILE.py:NAME``, or ``FILE.py``.
    network : Network, optional
    hints : dict, optional
        Keywords of ``chainrule.check``.
    limits : Limits, optional
    stop : threading.Event, optional
        Ends the process when it is set.
    """
    path, name = address(code)
    try:
        read(path)
    except BadInput as error:
        return Report("failed", path.name, _sentence(str(error)))
    job = {
        "path": os.path.abspath(path), "name": name, "hints": hints or {},
        "network": None if network is None else asdict(network), **asdict(limits),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="chainrule-", ignore_cleanup_errors=True) as folder:
        Path(folder, "job").write_text(json.dumps(job), encoding="utf-8")
        status = _run(folder, limits, stop)
        said, trace = _lines(Path(folder, "said")), _text(Path(folder, "trace"))
    if said and "report" in said[-1]:
        with contextlib.suppress(TypeError, ValueError, KeyError):
            return _with_advice(report_of(said[-1]["report"]), limits)
        return Report("failed", name or path.name, "The judgement came back damaged.")
    called = str(said[-1].get("name") or "") if said else ""
    stopped = stop is not None and stop.is_set()
    why = INTERRUPTED if stopped else NOT_STARTED if not said and not trace else ""
    why = why or _why(status, bool(called), path, trace, limits)
    return Report("failed", called or name or path.name, why)


def _with_advice(report: Report, limits: Limits) -> Report:
    if report.verdict != "failed" or not any(sign in report.message for sign in NO_MEMORY):
        return report
    advice = f"It may take {limits.megabytes:,} MB of memory; --memory gives it more."
    return replace(report, notes=(*report.notes, advice))


def _run(folder: str, limits: Limits, stop: Event | None) -> int | None:
    """Run the other process to its end, and return its status, or None if it had to be ended."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", START, folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | QUIET,
        start_new_session=POSIX,
    )
    end = time.monotonic() + limits.seconds + GRACE
    try:
        while time.monotonic() < end and not (stop and stop.is_set()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(A_LOOK)
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and those that it started."""
    with contextlib.suppress(OSError):
        if POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        found = [json.loads(line) for line in _text(path).splitlines()]
    except (ValueError, RecursionError):
        return []
    return [line for line in found if isinstance(line, dict)]


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_REPORT).decode("utf-8", "replace")
    except OSError:
        return ""


def report_of(document: dict[str, Any]) -> Report:
    """Return a Report from its ``to_dict()``, which may have gone through JSON.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is none.

    Examples
    --------
    >>> report = Report("correct", "f", "All gradients are right.", precision=1e-16)
    >>> report_of(json.loads(json.dumps(report.to_dict()))) == report
    True
    """
    mistakes = tuple(Mistake(**_kept(Mistake, each)) for each in document["mistakes"])
    wrong = Wrong(**_kept(Wrong, document["wrong"])) if document.get("wrong") else None
    report = Report(**_kept(Report, document) | {"mistakes": mistakes, "wrong": wrong})
    if report.status not in (0, 1, 2) or not all(isinstance(m.name, str) for m in mistakes):
        raise ValueError("no verdict")
    return report


def _kept(kind: Any, document: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in fields(kind)]
    return {
        name: tuple(document[name]) if isinstance(document[name], list) else document[name]
        for name in names
        if name in document
    }


def _why(status: int | None, called: bool, path: Path, trace: str, limits: Limits) -> str:
    """Say why no judgement came back."""
    when = "while it was being judged" if called else "while the file was being loaded"
    place = _place(path, trace)
    if status is None or "Timeout (" in trace:
        if called and trace and not place:
            return f"The search took longer than {limits.seconds:g} s; --timeout gives it longer."
        advice = (
            "; is there a loop without end? --timeout gives it longer."
            if called
            else '. Put what trains or waits under `if __name__ == "__main__":`, or give it longer '
            "with --timeout."
        )
        return f"It did not end within {limits.seconds:g} s {when}{place}{advice}"
    if status < 0 or trace:
        killed = status == -9
        cause = "It was killed" if killed else f"Python itself crashed ({_signal(status)})"
        memory = "; it may have taken too much memory" if killed else ""
        return f"{cause} {when}{place}{memory}."
    return f"It ended the program {when}, with os._exit({status}) or the like."


def _signal(status: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"status {status}"


def _place(path: Path, trace: str) -> str:
    """Return the learner's line that was running, by what faulthandler wrote."""
    file = str(os.path.abspath(path)).encode("ascii", "backslashreplace").decode()
    match = re.search(rf'File "{re.escape(file)}", line (\d+)', trace)
    return f", in {quoted_line(path, int(match[1]))}" if match else ""


# What runs in the other process


def inside() -> None:
    """Judge what the job says, and write down what comes out."""
    folder = sys.argv[1]
    with (
        open(Path(folder, "said"), "w", encoding="utf-8") as said,
        open(Path(folder, "trace"), "w", encoding="utf-8") as trace,
    ):
        job = json.loads(Path(folder, "job").read_text(encoding="utf-8"))
        from chainrule.checking import checker  # before the limits, and before their code

        path, limits = Path(job["path"]), Limits(job["seconds"], job["megabytes"])
        say = _writer(said)
        say(name=None)
        faulthandler.enable(trace, all_threads=False)
        faulthandler.dump_traceback_later(limits.seconds, exit=True, file=trace)
        _limit(limits)
        try:
            with alone(path), _in_folder(path.parent):
                say(report=_judged(job, path, checker, say).to_dict())
        except BaseException as error:
            say(report=_failed(path, job["name"], error).to_dict())
        os._exit(0)  # whatever threads and exit handlers theirs has left behind


def _writer(said: TextIO) -> Any:
    write, flush, dumps = said.write, said.flush, json.dumps

    def say(**line: Any) -> None:
        write(dumps(line) + "\n")
        flush()

    return say


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    os.chdir(folder)
    yield


def _judged(job: dict[str, Any], path: Path, checker: Any, say: Any) -> Report:
    content = read(path)
    names = [job["name"]] if job["name"] else choices(path, content)
    module = run(path, content)
    hints = dict(job["hints"])
    said = said_in(hints.pop("said", None))

    def judged(name: str) -> Report:
        say(name=name)
        found = take(module, path, name)
        with unharmed(path.name):
            report: Report = checker.checked(found, _network(job["network"]), hints, said)
        return report

    report: Report = checker.first_that_runs(names, judged, module)
    return report


def said_in(text: str | None) -> dict[str, Any] | None:
    """Return what of a network was said, from "sizes=3-4-1 loss=huber".

    Examples
    --------
    >>> said_in("sizes=3-4-1 loss=huber")
    {'sizes': (3, 4, 1), 'loss': 'huber'}
    """
    if text is None:
        return None
    said: dict[str, Any] = dict(part.split("=") for part in text.split())
    if "sizes" in said:
        said["sizes"] = tuple(int(size) for size in re.split("[-,x]", said["sizes"]))
    return said


def _network(document: dict[str, Any] | None) -> Network | None:
    if document is None:
        return None
    hidden = document["hidden"]
    rules = tuple(map(_rule, hidden)) if isinstance(hidden, list) else _rule(hidden)
    named = {key: _rule(document[key]) for key in ("output", "loss")}
    return Network(**document | named | {"hidden": rules})


def _rule(given: Any) -> Any:
    return Rule(given["source"]) if isinstance(given, dict) else given


def _failed(path: Path, name: str | None, error: BaseException) -> Report:
    if isinstance(error, BadInput):
        return Report("failed", path.name, _sentence(str(error)))
    what = "ends the program" if isinstance(error, SystemExit) else "could not be judged"
    where = name or path.name
    return Report("failed", where, _sentence(f"{where} {what}: {blame(error, path)}"))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _limit(limits: Limits) -> None:
    """Ask the system to hold a process to its limits, where it can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    mega = 1 << 20
    wanted = {
        resource.RLIMIT_AS: _taken() + limits.megabytes * mega,
        resource.RLIMIT_FSIZE: LARGEST_FILE * mega,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in wanted.items():
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most if hard < 0 else min(most, hard), hard))


def _taken() -> int:
    """Return the bytes of address space that this process has."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
