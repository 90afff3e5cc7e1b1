"""The command ``chainrule``: one function a command, heavy imports inside.

Exit status: 0, or 2 for input that cannot be used, with the message on standard
error, or 130 after Ctrl-C (a training that was interrupted is saved all the
same), or 1 if the reader of the output went away. ``check`` has 1 for a mistake in the code
that it judged; ``play`` is ended by Ctrl-C, with 0.
"""

from __future__ import annotations

import contextlib
import re
import sys
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from chainrule import checkoptions as check_opt
from chainrule import exportoptions
from chainrule import importoptions as imp
from chainrule import options as opt
from chainrule import playoptions as play_opt
from chainrule import sheetoptions as sheet
from chainrule.errors import ChainruleError, Diverged

app = typer.Typer(
    name="chainrule",
    help="Train a small neural network on a table, and use it.",
    epilog="Start with: [bold]chainrule train[/bold]   (it trains on a table of penguins)",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        from chainrule import __version__

        print(f"chainrule {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def chainrule(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Train a small neural network on a table, and use it."""


@app.command()
def train(
    ctx: typer.Context,
    table: opt.TrainTable = None,
    target: opt.Target = None,
    task: opt.Task = None,
    kind: opt.Kind = None,
    drop: opt.Drop = None,
    sample_weight: opt.Weight = None,
    test_size: opt.TestSize = None,
    validation: opt.Validation = None,
    preset: opt.Preset = None,
    hidden_layer_sizes: opt.Sizes = None,
    hidden: opt.Hidden = None,
    loss: opt.Loss = None,
    loss_parameter: opt.LossParameter = None,
    scheme: opt.Scheme = None,
    ensemble: opt.Ensemble = None,
    intervals: opt.Intervals = None,
    solver: opt.Solver = None,
    learning_rate: opt.LearningRate = None,
    schedule: opt.Schedule = None,
    epochs: opt.Epochs = None,
    batch_size: opt.BatchSize = None,
    patience: opt.Patience = None,
    l1: opt.L1 = None,
    l2: opt.L2 = None,
    clip_norm: opt.ClipNorm = None,
    dropout: opt.Dropout = None,
    set_: opt.Set = None,
    seed: opt.Seed = None,
    dtype: opt.Dtype = None,
    output: opt.Output = None,
    checkpoint: opt.Checkpoint = None,
    plot: opt.Plot = None,
    log_every: opt.LogEvery = None,
    as_json: opt.Json = False,
) -> None:
    """Train on a table, score on held-out rows, and save the model.

    Without a table it trains on the penguins that come with the package.

    Ctrl-C keeps the best parameters so far, saves them, and exits with status 130.

    [bold]chainrule train[/bold]

    [bold]chainrule train houses.csv --target price --intervals 0.9 --plot loss.png[/bold]

    [bold]chainrule train houses.csv --target sold --preset neuron --log-every 100[/bold]
    """
    from chainrule.traincommand import train_command

    train_command(dict(ctx.params))


@app.command()
def predict(
    model: opt.Model,
    table: opt.Table,
    output: opt.Predictions = None,
    intervals: opt.Coverage = None,
    as_json: opt.Json = False,
) -> None:
    """Predict the target for each row of a table.

    [bold]chainrule predict houses.safetensors new.csv -o predicted.csv[/bold]
    """
    from chainrule.commands import predict_command

    predict_command(model, table, output, intervals, as_json)


@app.command()
def evaluate(
    model: opt.Model,
    table: opt.Table,
    target: opt.Truth = None,
    as_json: opt.Json = False,
) -> None:
    """Score a model on a table that has the target.

    [bold]chainrule evaluate houses.safetensors sold-in-may.csv[/bold]
    """
    from chainrule.commands import evaluate_command

    evaluate_command(model, table, target, as_json)


@app.command()
def show(model: opt.Model, as_json: opt.Json = False) -> None:
    """Show what is in a model: the network, the columns, how it was trained."""
    from chainrule.commands import show_command

    show_command(model, as_json)


@app.command()
def explain(
    model: opt.Explained = None,
    table: opt.ExplainedTable = None,
    row: opt.Row = 1,
    member: opt.Member = 1,
    weight: opt.Weight_ = None,
    neuron: opt.Neuron = None,
    most: opt.Most = None,
    digits: opt.Digits = 5,
    source: opt.Source = False,
    form: opt.Form = None,
    output: opt.Page = None,
) -> None:
    """Show the mathematics of one training step on a row, with its live numbers.

    The way forward, the loss, every factor of the chain rule, the update, and the loss after it.

    [bold]chainrule explain houses.safetensors houses.csv --row 3[/bold]

    [bold]chainrule explain houses.safetensors houses.csv --weight 1:2,3[/bold]

    [bold]chainrule explain houses.safetensors houses.csv -o step.html[/bold]
    """
    from chainrule.explaincommand import explain_command

    settings = {"weight": weight, "neuron": neuron, "most": most, "digits": digits}
    explain_command(model, table, row, member, source, form, output, settings)


@app.command()
def worksheet(
    sizes: sheet.Sizes = "3-2-1",
    seed: sheet.Seed = 0,
    hidden: sheet.Hidden = "tanh",
    output: sheet.Output = "sigmoid",
    loss: sheet.Loss = None,
    learning_rate: sheet.LearningRate = 0.5,
    answers: sheet.Answers = False,
    form: opt.Form = None,
    file: sheet.File = None,
) -> None:
    """Make an exercise sheet: one step by hand with friendly numbers, and the key.

    [bold]chainrule worksheet --sizes 3-2-1 --seed 7 -o sheet.tex[/bold]

    [bold]chainrule worksheet --sizes 2-3-2 --output softmax --answers -o key.html[/bold]
    """
    from chainrule.worksheetcommand import worksheet_command

    worksheet_command(sizes, (hidden, output, loss), seed, learning_rate, answers, form, file)


@app.command("import")
def import_(
    source: imp.Source,
    inputs: imp.Inputs = None,
    target: imp.Target = "target",
    classes: imp.Classes = None,
    hidden: imp.Hidden = None,
    output: imp.Output = None,
    model: imp.Model = None,
    as_json: opt.Json = False,
) -> None:
    """Make a model of a network that was trained elsewhere, to explain, check and export it.

    From a file of ONNX or of Keras 3, or the weights of a PyTorch module as safetensors.
    In Python, chainrule.import_model takes fitted estimators of scikit-learn and modules too.

    [bold]chainrule import net.onnx --inputs age,income --classes no,yes -o net.safetensors[/bold]

    [bold]chainrule import weights.safetensors --hidden tanh --output softmax[/bold]
    """
    from chainrule.importcommand import import_command

    import_command(source, inputs, target, classes, (hidden, output), model, as_json)


@app.command()
def check(
    ctx: typer.Context,
    code: check_opt.Code,
    sizes: check_opt.Sizes = None,
    hidden: check_opt.Hidden = None,
    output: check_opt.Output = None,
    loss: check_opt.Loss = None,
    weights: check_opt.Weights = None,
    samples: check_opt.Samples = None,
    targets: check_opt.Targets = None,
    biases: check_opt.Biases = None,
    function: check_opt.Function = None,
    csv: check_opt.Grades = None,
    jobs: check_opt.Jobs = 2,
    timeout: check_opt.Timeout = 60.0,
    memory: check_opt.Memory = 2048,
    as_json: check_opt.Json = False,
) -> None:
    """Judge back-propagation that somebody wrote, and name the factor that went wrong.

    Exit status: 0 right, 1 a mistake, 2 it could not be run; for a folder 0 if it came to
    its end, whatever was found.

    The code runs in a process of its own with limits, which fence in accidents and not malice.

    [bold]chainrule check net.py:backward --sizes 3-4-1 --hidden tanh --output sigmoid[/bold]

    [bold]chainrule check submissions/ --sizes 3-4-1 --csv grades.csv[/bold]
    """
    from chainrule.checkcommand import check_command

    check_command(dict(ctx.params))


@app.command()
def export(
    model: opt.Model,
    to: exportoptions.To = None,
    output: exportoptions.ArtefactFile = None,
    name: exportoptions.ArtefactName = None,
    dialect: exportoptions.Dialect = "sqlite",
    table: exportoptions.SqlTable = "data",
    inputs: exportoptions.Inputs = "columns",
    fixed_point: exportoptions.FixedPoint = 0,
    calibrate: exportoptions.Calibrate = None,
    as_json: opt.Json = False,
) -> None:
    """Write a model in another language, with its preprocessing, and try it.

    [bold]chainrule export houses.safetensors -o houses.h[/bold]

    [bold]chainrule export houses.safetensors --to sql --dialect duckdb --table sales[/bold]

    [bold]chainrule export houses.safetensors -o houses.h --fixed-point 16[/bold]
    """
    from chainrule.exportcommand import export_command

    options: dict[str, Any] = {"dialect": dialect, "table": table, "inputs": inputs}
    options |= {"fixed_point": fixed_point, "calibrate": calibrate}
    export_command(model, to, output, name, options, as_json)


@app.command()
def play(
    ctx: typer.Context,
    source: play_opt.Source = None,
    table: play_opt.ModelsTable = None,
    target: play_opt.Target = None,
    task: opt.Task = None,
    kind: opt.Kind = None,
    drop: opt.Drop = None,
    seed: opt.Seed = None,
    state: play_opt.State = None,
    host: play_opt.Host = "127.0.0.1",
    port: play_opt.Port = None,
    allow_host: play_opt.AllowHost = None,
    no_browser: play_opt.Browser = False,
) -> None:
    """Open a page in the browser where a network learns, and every number of it can be seen.

    Ctrl-C ends it.

    [bold]chainrule play[/bold]

    [bold]chainrule play houses.csv --target price[/bold]

    [bold]chainrule play houses.safetensors houses.csv[/bold]
    """
    from chainrule.playcommand import play_command

    play_command(dict(ctx.params))


@app.command()
def warm(as_json: opt.Json = False) -> None:
    """Compile the engine now, which else happens on first use, and remove old code."""
    from chainrule.commands import warm_command

    warm_command(as_json)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # rather than fail where → cannot be shown
    try:
        app(arguments, prog_name="chainrule")
    except Diverged as error:
        _fail(str(error).partition(" The last finite")[0])
    except ChainruleError as error:
        _fail(str(error))
    except MemoryError:
        _fail("there is not enough memory for this; use fewer rows or columns")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror or error}{where}")
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    """Print a message, with settings named as options, and exit."""
    names = "|".join(opt.PASSED + opt.PARSED)
    named = re.sub(
        rf"\b({names})=(?=\S)", lambda found: f"--{found[1].replace('_', '-')} ", message
    )
    with contextlib.suppress(BrokenPipeError):
        print(f"chainrule: {named}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
