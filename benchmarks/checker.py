"""Does the checker name the right mistake? Slips in learners' programs, and its answers.

    python benchmarks/checker.py            some pairs of each network and style
    python benchmarks/checker.py --quick    a few minutes
    python benchmarks/checker.py --pairs 0  singles alone; --pairs all: every pair

Every program is real source (``learners.py``), and every mistake a real edit of it
(``slips.py``). Two edits are one mistake where the programs compute the same at several
cases: that is decided by running them.
"""

import argparse
import importlib.util
import itertools
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

from chainrule import Network
from chainrule.checking.checker import check
from learners import STYLES, program
from right import right_programs
from slips import PLANS, slips

TARGETS = {"single": 0.98, "pair": 0.90}


def network_of(plan):
    """Return a plan as the package knows it."""
    return Network(plan.sizes, plan.activations[:-1] or "relu", plan.activations[-1], plan.loss)


def load(source, folder, name):
    """Import a program's ``backprop`` from a file, as a learner's file is."""
    path = Path(folder) / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module.backprop


def outcome(plan, style, backprop):
    """Return what a program computes at some cases, as text: equal for equivalent mistakes."""
    marks = []
    for seed, m in ((1, 6), (2, 3), (3, 7)):
        draw = np.random.default_rng(seed)
        layers = [(draw.normal(0, 1, pair), draw.normal(0, 0.5, pair[1]))
                  for pair in itertools.pairwise(plan.sizes)]  # fmt: skip
        X, Y = draw.normal(0, 1, (m, plan.sizes[0])), draw.uniform(0.1, 0.9, (m, plan.sizes[-1]))
        Y = 3 * Y - 1 if plan.loss in ("half_squared_error", "huber") else Y
        with np.errstate(all="ignore"):
            arrays = run(plan, style, backprop, layers, X, Y)
        marks += [(np.shape(a), *(f"{v:.8g}" for v in np.ravel(a) + 0.0)) for a in arrays]
    return str(marks)


def run(plan, style, backprop, layers, X, Y):
    """Call a program in its convention; return gradients, then arguments as they are left."""
    l2 = {"l2": 0.3} if plan.l2 else {}
    named = {f"{letter}{l}": part for l, layer in enumerate(layers, 1)
             for letter, part in zip("Wb", layer, strict=True)}  # fmt: skip
    if style == "rows":
        result = [*backprop(named, X, Y, **l2).values()]
    elif style == "columns":
        named = {k: v.T if k[0] == "W" else v.reshape(-1, 1) for k, v in named.items()}
        X, Y = X.T.copy(), Y.T.copy()
        result = [*backprop(X, Y, **named, **l2)]
    elif style == "steps":
        result = [*backprop(**named, X=X, Y=Y, lr=0.5, **l2)]
    elif style == "loops":
        Ws, bs = zip(*layers, strict=True)
        single = len(layers) == 1
        dWs, dbs = backprop(Ws[0] if single else Ws, bs[0] if single else bs, X, Y, **l2)
        result = [dWs, dbs] if single else [*dWs, *dbs]
    else:
        model = backprop(plan.sizes, **l2)
        for name, value in named.items():
            setattr(model, name, value)
        for _ in range(2):
            model.forward(X)
            model.backward(Y)
        result = [getattr(model, f"d{name}") for name in named]
    return [*result, X, Y, *named.values()]


def singles_and_pairs(plan, style, pairs, draw, folder):
    """Return programs with one or two slips that compute something else than all that is plainer.

    Each is (slips, names of all that compute the same, source).
    """
    every = slips(plan, style)
    known, jobs = {}, []
    right = outcome(plan, style, load(program(plan, style), folder, f"right_{os.getpid()}"))
    known[right] = None
    singles = {}
    for slip in every:
        mark = marked(plan, style, (slip,), folder)
        if mark is not None and mark != right:
            singles.setdefault(mark, []).append((slip,))
    jobs += [("single", same) for same in singles.values()]
    chosen = [pair for pair in itertools.combinations(every, 2) if not clash(*pair)]
    if pairs != "all":
        draw.shuffle(chosen)
        chosen = chosen[: 4 * int(pairs)]
    doubles = {}
    for pair in chosen:
        mark = marked(plan, style, pair, folder)
        if mark is not None and mark != right and mark not in singles:
            doubles.setdefault(mark, []).append(pair)
        if pairs != "all" and len(doubles) >= int(pairs):
            break
    return jobs + [("pair", same) for same in doubles.values()]


def clash(one, other):
    """Say whether two slips cannot stand in one program, or are the same mistake at one place."""
    return (set(one.slots) & set(other.slots) and not (one.wraps or other.wraps)) or (
        one.wraps and other.wraps and one.slots == other.slots and one.name == other.name
    )


COUNT = itertools.count()


def marked(plan, style, chosen, folder):
    """Return the outcome of a program with these slips, or None where it raises."""
    try:
        backprop = load(program(plan, style, chosen), folder, f"p{os.getpid()}_{next(COUNT)}")
        return outcome(plan, style, backprop)
    except Exception:  # a learner's program may raise anything
        return None


def judge(job):
    """Check one program; return what was put in, what came out, and how long it took."""
    plan, style, kind, same = job
    with tempfile.TemporaryDirectory() as folder:
        name = f"learner_{os.getpid()}_{next(COUNT)}"
        backprop = load(program(plan, style, same[0]), folder, name)
        start = time.perf_counter()
        try:
            report = check(backprop, network_of(plan))
            found = [((m.name, *m.also), m.layers) for m in report.mistakes]
            verdict = report.verdict
        except Exception:
            found, verdict = [], "raised: " + traceback.format_exc(limit=-3)
        took = time.perf_counter() - start
    right = any(agrees(slips_, found) for slips_ in same)
    placed = any(agrees(slips_, found, layers=True) for slips_ in same)
    first = any(agrees(slips_, [(names[:1], where) for names, where in found]) for slips_ in same)
    return {
        "plan": plan.name, "style": style, "kind": kind, "slips": [str(s) for s in same[0]],
        "names": [s.name for s in same[0]], "found": found, "verdict": verdict, "right": right,
        "placed": placed, "first": first, "took": took, "same": len(same),
    }  # fmt: skip


def agrees(put_in, found, layers=False):
    """Say whether the mistakes that were found are those that were put in.

    The same mistake in two layers may be told as one, of both layers.
    """
    ours, theirs = {}, {}
    for slip in put_in:
        ours.setdefault(slip.name, set()).update(slip.layers)
    for names, where in found:
        theirs.setdefault(tuple(names), set()).update(where)
    each = [(names, set(where)) for names, where in found]
    return any(
        len(ours) == len(some)
        and any(
            all(
                name in names and (not layers or not wanted or wanted == where)
                for (name, wanted), (names, where) in zip(ours.items(), order, strict=True)
            )
            for order in itertools.permutations(some)
        )
        for some in (list(theirs.items()), each)
    )


def judge_right(job):
    """Check a right program; return what came out."""
    plan, style, words, source = job
    with tempfile.TemporaryDirectory() as folder:
        backprop = load(source, folder, f"right_{os.getpid()}_{next(COUNT)}")
        start = time.perf_counter()
        report = check(backprop, network_of(plan))
        took = time.perf_counter() - start
    return {
        "plan": str(plan), "style": style, "words": words, "verdict": report.verdict,
        "message": report.message, "took": took,
    }  # fmt: skip


def prepared(arguments):
    """Return the jobs of one network and style."""
    plan, style, pairs, seed = arguments
    draw = random.Random(f"{seed} {plan.name} {style}")
    with tempfile.TemporaryDirectory() as folder:
        found = singles_and_pairs(plan, style, pairs, draw, folder)
    return [(plan, style, kind, same) for kind, same in found]


def confusion(results):
    """Return lines of what was taken for what, singles alone."""
    table = Counter()
    for result in results:
        if result["kind"] == "single":
            (name,) = result["names"]
            first = [names[0] for names, _ in result["found"]]
            table[
                name, name if result["right"] else " + ".join(first) or result["verdict"][:40]
            ] += 1
    for name in sorted({name for name, _ in table}):
        row = {found: count for (put_in, found), count in table.items() if put_in == name}
        others = ", ".join(f"{found} {count}" for found, count in row.items() if found != name)
        yield f"| {name} | {sum(row.values())} | {row.get(name, 0)} | {others} |"


def main():
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="few pairs")
    options.add_argument("--pairs", default=None, help="pairs of each network and style, or all")
    options.add_argument("--right", type=int, default=None, help="right programs, 600 by default")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--plan", default=None)
    options.add_argument("--style", default=None)
    options.add_argument(
        "--json", default=None, help="write every answer to this file, a line each"
    )
    options.add_argument("--summary", default=None, help="print the figures of such a file")
    given = options.parse_args()
    if given.summary:
        told([json.loads(line) for line in Path(given.summary).read_text().splitlines()])
        return
    pairs = given.pairs or ("5" if given.quick else "40")
    plans = [plan for plan in PLANS if given.plan in (None, plan.name)]
    styles = [style for style in STYLES if given.style in (None, style)]
    grid = [(plan, style, pairs, given.seed) for plan in plans for style in styles]
    results = []
    with ProcessPoolExecutor(given.jobs) as pool:
        count = given.right if given.right is not None else 60 if given.quick else 600
        fine = list(pool.map(judge_right, right_programs(count, given.seed), chunksize=8))
        alarms = [result for result in fine if result["verdict"] != "correct"]
        print(f"right programs: {len(alarms)} false alarms in {len(fine)}", flush=True)
        for alarm in alarms:
            print("   ", alarm["plan"], alarm["style"], alarm["words"], alarm["message"])
        jobs = list(itertools.chain.from_iterable(pool.map(prepared, grid)))
        random.Random(given.seed).shuffle(jobs)
        print(f"{len(jobs)} programs", flush=True)
        for result in pool.map(judge, jobs, chunksize=8):
            results.append(result)
            if given.json:
                with open(given.json, "a") as file:
                    file.write(json.dumps(result) + "\n")
            if len(results) % 500 == 0:
                print(f"{len(results)} judged", flush=True)
    told(results)


def told(results):
    """Print the figures, and what was taken for what."""
    for kind in ("single", "pair"):
        some = [result for result in results if result["kind"] == kind]
        if some:
            right, placed, first = (
                sum(r[key] for r in some) for key in ("right", "placed", "first")
            )
            took = sorted(r["took"] for r in some)
            print(
                f"{kind}: {right} of {len(some)} named right ({right / len(some):.1%}, "
                f"to reach {TARGETS[kind]:.0%}), {placed} with the layer, "
                f"{first} where only the first of equivalent names counts; "
                f"{np.median(took):.2f} s each, at most {took[-1]:.1f}"
            )
    print("\n| mistake | programs | named right | taken for |\n|---|---|---|---|")
    print("\n".join(confusion(results)))


if __name__ == "__main__":
    main()
