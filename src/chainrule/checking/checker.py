"""``check``: judge a learner's back-propagation and name the factor that went wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from chainrule.checking.assigning import refusal
from chainrule.checking.classes import ClassProgram
from chainrule.checking.functions import FunctionProgram
from chainrule.checking.inferring import ADVICE, OTHERS, candidates, shows_loss
from chainrule.checking.judging import Error, Judged, judge
from chainrule.checking.loading import BROKE_OFF, address, blame, choices, read, run, take
from chainrule.checking.mending import mended
from chainrule.checking.packing import BIASES, TARGETS, WEIGHTS
from chainrule.checking.packing import SAMPLES as SAMPLE_WAYS
from chainrule.checking.progress import prints
from chainrule.checking.reading import NothingToRead, Unreadable
from chainrule.checking.repairing import silenced
from chainrule.checking.report import Report
from chainrule.checking.reporting import reported
from chainrule.errors import BadCode, BadSetting
from chainrule.network import Network

HINTS = {"weights": WEIGHTS, "samples": SAMPLE_WAYS, "targets": TARGETS, "biases": BIASES}


def check(
    code: Callable[..., Any] | str,
    network: Network | None = None,
    *,
    weights: str | None = None,
    samples: str | None = None,
    targets: str | None = None,
    biases: str | None = None,
) -> Report:
    """Judge back-propagation that somebody wrote, and name what went wrong.

    Parameters
    ----------
    code : function, class or str
        What computes gradients, such as ``f(w, b, x, y) -> dw, db``, or new parameters from
        old ones; or ``FILE.py:NAME``.
    network : Network, optional
        What it should compute the gradients of.
    weights : {"in_out", "out_in", "flat"}, optional
        A hint: the shape of a layer's weights.
    samples : {"rows", "columns", "one"}, optional
        A hint: how samples are handed over.
    targets : {"matrix", "flat", "labels"}, optional
    biases : {"flat", "row", "column", "number"}, optional

    Returns
    -------
    Report

    Examples
    --------
    >>> import numpy as np
    >>> def gradients(w, b, x, y):
    ...     a = 1 / (1 + np.exp(-(x @ w + b)))
    ...     delta = a - y
    ...     return x.T @ delta / len(x), delta.mean(axis=0)
    >>> report = check(gradients, Network((3, 1), output="sigmoid"))
    >>> report.verdict, report.mistakes[0].name
    ('mistake', 'slope_left_out')
    """
    hints = _hints(weights=weights, samples=samples, targets=targets, biases=biases)
    if not isinstance(code, str):
        return checked(code, network, hints)
    path, name = address(code)
    content = read(path)
    module = run(path, content)
    names = [name] if name else choices(path, content)
    return first_that_runs(
        names, lambda each: checked(take(module, path, each), network, hints), module
    )  # fmt: skip


def first_that_runs(names: list[str], judged: Callable[[str], Report], module: Any) -> Report:
    """Judge the functions that may be meant until one runs; else say of which got furthest why."""
    broke_off = vars(module).get(BROKE_OFF)
    if not broke_off:
        return _first(names, judged)
    report = _first(names, judged)
    if report.verdict != "mistake":  # what is right here breaks off there
        raise BadCode(broke_off)
    return replace(report, notes=(*report.notes, f"{broke_off}."))


def _first(names: list[str], judged: Callable[[str], Report]) -> Report:
    failed: list[Report] = []
    for name in names:
        report = judged(name)
        if report.verdict in ("correct", "mistake") or (report.verdict != "failed" and not failed):
            note = [f"Not judged: {each.message}" for each in failed[:1]]
            return replace(report, notes=(*report.notes, *note))
        failed += [report] if report.verdict == "failed" else []
    ran = [report for report in failed if " could not be called: " not in report.message]
    return (ran or failed)[0]


def checked(
    thing: Any, network: Network | None, hints: dict[str, str], said: dict[str, Any] | None = None
) -> Report:
    """Judge a function or a class.

    Parameters
    ----------
    thing : function or class
    network : Network or None
        None: to be inferred from the code.
    hints : dict
    said : dict, optional
        What of the network was said: "sizes", "hidden", "output", "loss"; the rest of it may be
        inferred. By default all of it was.
    """
    name = getattr(thing, "__name__", "the code")
    try:
        if network is None:
            return _inferred(thing, hints, said or {})
        report = _judged(thing, network, hints)
        if said is None or report.verdict == "correct":
            return report
        return _with_the_rest(thing, network, hints, said, report)
    except Unreadable as error:
        return Report("failed", name, f"{name} could not be called: {error}.")


def _with_the_rest(
    thing: Any, network: Network, hints: dict[str, str], said: dict[str, Any], plain: Report
) -> Report:
    """Judge code as the network that it shows, as far as nobody said which it is.

    A loss that nobody said and that does not show is the default one.
    """
    if "loss" not in said and network.output != "softmax" and not shows_loss(thing, beside=True):
        said = said | {"loss": network.loss}
    open_ = {"output", "loss"} | ({"hidden"} if len(network.sizes) > 2 else set())
    if open_ <= set(said):
        return plain
    try:
        others = candidates(thing, hints, said)
        if "loss" in said:
            others = [each for each in others if each != network]
        other = _inferred(thing, hints, said, others) if others else plain
    except Unreadable:
        return plain
    fewer = plain.verdict != "mistake" or len(other.mistakes) < len(plain.mistakes)
    kinder = other.verdict == "correct" or (other.verdict == "mistake" and fewer)
    return other if kinder else plain


def _every(thing: Any, network: Network, hints: dict[str, str]) -> Iterator[Any]:
    """Yield the programs that a function or a class may be, the likeliest first."""
    kind = ClassProgram if inspect.isclass(thing) else FunctionProgram
    return kind.every(thing, network, hints)


def _inferred(
    thing: Any, hints: dict[str, str], said: dict[str, Any], networks: list[Network] | None = None
) -> Report:
    """Judge code as that of the network which fits it best."""
    found: list[tuple[Any, Judged]] = []
    networks = candidates(thing, hints, said) if networks is None else networks
    error: Exception | None = None
    failed: Report | None = None
    for network in networks:
        try:
            program, best, errors = _likeliest(
                thing, network, hints, pairs=False, guessed="loss" not in said
            )
        except Unreadable as reason:
            error = reason
            continue
        if best is None:
            failed = failed or mended(program, errors) or _failed(program, errors)
        elif best.cost == (0, 0):
            found = [(program, best)]
            break
        else:
            found.append((program, best))
    if not found:
        if failed is None:
            raise error or Unreadable(f"which network it computes cannot be seen; {ADVICE}")
        if failed.verdict == "mistake":
            note = f"The network was inferred from the code: {failed.network}."
            return replace(failed, notes=(note, *failed.notes))
        return replace(
            failed, message=f"{failed.message} Of which network it is was guessed; {ADVICE}."
        )
    return _of_likeliest(thing, found)


def _of_likeliest(thing: Any, found: list[tuple[Any, Judged]]) -> Report:
    """Report the network whose forward pass is seen, and which leaves the fewest mistakes."""
    most = max(best.forward for _, best in found)
    found = [(program, best) for program, best in found if best.forward == most]
    depth = len(found[0][0].network.sizes) - 1
    if all(best.findings is None for _, best in found) and most < depth:
        name = getattr(thing, "__name__", "the code")
        message = f"Which network {name} computes cannot be seen from its code; {ADVICE}."
        return Report("failed", name, message)
    if all(best.findings is None for _, best in found):
        again = [_best_way(program)[:2] for program, _ in found[:3]]
        found = [(program, best) for program, best in again if best is not None]
    program, best = min(found, key=lambda pair: pair[1].cost)
    report = reported(program, best)
    others = [
        each for each, its in found
        if its.cost == best.cost and each.network.loss != program.network.loss and best.cost[0]
        and each.network.loss not in OTHERS
    ]  # fmt: skip
    notes = (f"The network was inferred from the code: {report.network}.", *report.notes)
    if others and not shows_loss(thing):
        losses = " or ".join(f"loss={one.network.loss!r}" for one in (program, others[0]))
        message = (
            "No loss stands in the code, and under two a mistake is found. Give the network, with "
            f"{losses}."
        )
        told = tuple(mistake.message for mistake in report.mistakes)
        return replace(report, verdict="unknown", message=message, mistakes=(), notes=notes + told)
    return replace(report, notes=notes)


def _hints(**given: str | None) -> dict[str, str]:
    for key, value in given.items():
        if value is not None and value not in HINTS[key]:
            raise BadSetting(f"{key}={value!r} is not one of {', '.join(HINTS[key])}")
    return {key: value for key, value in given.items() if value is not None}


def _judged(thing: Any, network: Network, hints: dict[str, str]) -> Report:
    program, best, errors = _likeliest(thing, network, hints)
    if best is None:
        return mended(program, errors) or _failed(program, errors)
    return reported(program, best)


def _likeliest(
    thing: Any,
    network: Network,
    hints: dict[str, str],
    pairs: bool = True,
    guessed: bool = False,
) -> tuple[Any, Judged | None, list[Error]]:
    """Return the program that code is likeliest to be, and what is wrong with it."""
    found: list[tuple[Any, Judged | None, list[Error]]] = []
    programs = list(_every(thing, network, hints))
    for program in programs:
        program.guessed = guessed
        found.append(_best_way(program, pairs and len(programs) == 1))
        best = found[-1][1]
        if best is not None and best.cost == (0, 0):
            return found[-1]
    run = [(program, best, errors) for program, best, errors in found if best is not None]
    if not run:
        return min(found, key=lambda each: min((_telling(e) for _, e in each[2]), default=9))
    program, best, errors = min(run, key=lambda each: (-each[1].forward, each[1].cost))
    if best.findings is None and not best.forward and getattr(program, "placed", bool)():
        raise refusal(thing)
    if best.findings is None and pairs and len(programs) > 1:
        return _best_way(program)
    return program, best, errors


def _best_way(program: Any, pairs: bool = True) -> tuple[Any, Judged | None, list[Error]]:
    """Find the way to call the code; leave its print statements out where they break it."""
    best, errors = judge(program, pairs)
    wrong = best is None or best.cost != (0, 0)
    lines = [place.line for place in prints(program)]
    if wrong and lines and any(_in_print(program, error, lines) for _, error in errors):
        program, best = _without_prints(program, best, errors)
    return program, best, errors


def _in_print(program: Any, error: BaseException, lines: list[int]) -> bool:
    """Say whether an error came up in a print statement of the code."""
    files = program.files()
    last = [
        frame.tb_lineno for frame in _frames(error)
        if frame.tb_frame.f_code.co_filename in files
    ]  # fmt: skip
    return bool(last) and any(line <= last[-1] <= line + 4 for line in lines)


def _frames(error: BaseException) -> Iterator[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _without_prints(
    program: Any, best: Judged | None, errors: list[Error]
) -> tuple[Any, Judged | None]:
    """Judge the code without its print statements, and keep that where it does better."""
    quiet = silenced(program)
    other, _ = judge(quiet)
    if other is None or (best is not None and other.cost >= best.cost):
        return program, best
    quiet.spoken = program
    lines = [place.line for place in prints(program)]
    quiet.print_error = next(error for _, error in errors if _in_print(program, error, lines))
    return quiet, other


def _telling(error: BaseException) -> int:
    """Rank errors: code that ran and gave nothing, then what it raised, then the rest."""
    return 0 if isinstance(error, NothingToRead) else 2 if isinstance(error, Unreadable) else 1


def _failed(program: Any, errors: list[Error]) -> Report:
    reasons = sorted((error for _, error in errors), key=_telling)
    error = reasons[0] if reasons else Unreadable("no way to call it was found")
    file = Path(min(program.files(), default=""))
    what = str(error) if isinstance(error, Unreadable) else blame(error, file)
    return Report("failed", program.name, f"{program.name} could not be run: {what}.")
