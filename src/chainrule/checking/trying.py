"""Right code at more cases: a mistake may hide where it was tried first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chainrule.checking import cases
from chainrule.checking.catalogue import CATALOGUE
from chainrule.checking.judging import Judged, is_right, judged, l2_of, runs_of
from chainrule.checking.packing import SINGLE
from chainrule.checking.reading import Unreadable
from chainrule.checking.running import Run
from chainrule.errors import BadSetting
from chainrule.network import Network


@dataclass(frozen=True, eq=False)
class Tried:
    """What more was tried: runs of right code, those that are wrong, words, and notes."""

    runs: list[Run]
    wrong: list[Run]
    words: str
    notes: list[str]


def tried(program: Any, best: Judged) -> Tried:
    """Run right code at other seeds, with one sample and many, and for other sizes."""
    alone = best.way.shapes.samples in SINGLE
    plan = [1] * 5 if alone else [1, 2, 12, 31, program.network.sizes[0]]
    runs, batches, notes = list(best.runs), {len(run.case.X) for run in best.runs}, []
    for seed, m in enumerate(plan, 4):
        case = cases.make(program.network, m, (seed, m, *program.network.sizes), l2_of(program))
        try:
            runs.append(program.run(case, best.way))
            batches.add(m)
        except (Exception, SystemExit) as error:
            notes.append(f"With {m} sample{'s' if m > 1 else ''} it fails: {_named(error)}.")
    wrong = [run for run in runs if not is_right([run], best.reduction)]
    sizes, more = _other_sizes(program, best)
    counts = ", ".join(map(str, sorted(batches)))
    words = f"{len(runs)} cases"
    words += " of one sample" if alone else f", of {counts} samples"
    notes += _batch(program, best) if alone else []
    words += f"; sizes {' and '.join(sizes)}; whole numbers; called twice"
    return Tried(runs, wrong, words, notes[:1] + more)


def _batch(program: Any, best: Judged) -> list[str]:
    """Say what code for one sample makes of several."""
    way = replace(best.way, shapes=replace(best.way.shapes, samples="columns"))
    case = cases.make(program.network, 4, (1, 4, *program.network.sizes), l2_of(program))
    told = "It takes one sample at a time"
    if best.way.shapes.samples == "column":
        try:
            if program.run(case, way).grows:
                told += "; of several, as columns, it takes no mean, and makes a column of each"
        except (Exception, SystemExit) as error:
            told += f"; given several, as columns, it fails: {_named(error)}"
    return [f"{told}."]


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")


def _other_sizes(program: Any, best: Judged) -> tuple[list[str], list[str]]:
    """Try networks of other sizes, where the code takes them."""
    network: Network = program.network
    told = ["-".join(map(str, network.sizes))]
    notes = []
    *inner, last = network.sizes
    for sizes in ((*(n + 1 for n in inner), last), (*inner, last + 1)):
        try:
            other = replace(network, sizes=sizes)
            again = program.sized(other)
            runs = runs_of(again, best.way)
        except (Unreadable, BadSetting):
            continue
        except (Exception, SystemExit) as error:
            notes += _one_output(best, error) if last == 1 and sizes[-1] > 1 else []
            continue
        if any(run.grows for run in runs) or any(run.case.network.sizes != sizes for run in runs):
            continue
        if is_right(runs, best.reduction):
            told.append("-".join(map(str, sizes)))
            continue
        found = judged(Judged(best.way, runs, best.reduction, None), pairs=False)
        words = f"It is right for {told[0]}; for {'-'.join(map(str, sizes))} it is not"
        if found.findings:
            notes.append(f"{words}: {CATALOGUE[found.findings[0].variant.name].title}.")
        elif best.way.shapes.targets == "matrix" and found.findings is None:
            notes.append(f"{words}.")
    return told, notes


def _one_output(best: Judged, error: BaseException) -> list[str]:
    """Say of code that takes one output that it does not take two."""
    flat = best.way.shapes.targets == "flat"
    why = "its y has the shape (m,)" if flat else f"with 2 it fails: {_named(error)}"
    return [f"It takes one output only; {why}."]


def hidden(best: Judged, more: Tried) -> Judged:
    """Return what is wrong with code that was right at first."""
    runs = [*more.wrong, *(run for run in more.runs if not any(run is bad for bad in more.wrong))]
    return judged(Judged(best.way, runs, best.reduction, None, best.forward))
