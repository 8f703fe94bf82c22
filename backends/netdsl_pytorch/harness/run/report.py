"""The report of a run: figures, curves, the confusion matrix, and what it was made from, in Markdown."""

import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from netdsl.text.characters import harmless
from netdsl.text.excerpt import visible
from netdsl_pytorch.harness.machine.atomic import write_atomic
from netdsl_pytorch.harness.run.description import Description
from netdsl_pytorch.harness.run.folder import RunFolder

TABLED = 20
"""Up to so many classes the confusion matrix is a table; beyond, a picture and a list of its largest entries."""
CONFUSED = 15
_MARKUP = re.compile(r"[\\`*\[\]|~]")
"""What begins code, emphasis, links and cells. Underscores do only at the ends of words, and names hold many."""


def write(
    run: RunFolder, description: Description, result: dict[str, Any], confusion: Tensor, environment: dict[str, str]
) -> None:
    """Writes `report.md`, and its pictures where matplotlib is installed."""
    lines = run.lines()
    many = len(description.classes) > TABLED
    pictures = {}
    try:
        pictures["curves.svg"] = _curves(lines)
        if many:
            pictures["confusion.svg"] = _matrix(confusion)
    except ImportError:
        pass
    for name, content in pictures.items():
        write_atomic(run.path / name, content)
    parts = [
        f"# {_words(description.model)} on {_words(Path(description.data).name)}",
        _summary(result),
        "## Curves",
        "![Loss, accuracy and learning rate over the steps](curves.svg)" if pictures else _NO_PICTURES,
        _epochs(lines),
        *_gradients(lines),
        "## Confusion",
        "Rows are the true classes, columns what the net took them for." if not many else "What was confused most:",
        *(["![Confusion matrix](confusion.svg)"] if "confusion.svg" in pictures else []),
        _confusion(confusion, description.classes),
        "## Recipe",
        _code(description.recipe.as_toml(), "toml"),
        "## Net",
        _span(description.spec_name) + _changes(description),
        _code(run.read(run.spec), "") if run.has(run.spec) else _code(run.read(run.model), "python"),
        "## Environment",
        _table(("what", "which"), list(environment.items())),
    ]
    write_atomic(run.report, harmless("\n\n".join(parts) + "\n").encode())


_NO_PICTURES = "There are pictures here where matplotlib is installed: `pip install matplotlib`."


def _summary(result: dict[str, Any]) -> str:
    rows = []
    for key, value in result.items():
        if key.startswith("top"):
            rows.append((key.replace("_", " "), f"{value:.2%}"))
        elif isinstance(value, float):
            rows.append((key.replace("_", " "), f"{value:,.4g}" if key.startswith("loss") else f"{value:,.1f}"))
        else:
            rows.append(
                (key.replace("_", " "), f"{value:,}" if isinstance(value, int) and key != "seed" else str(value))
            )
    return _table(("", ""), rows)


def _changes(description: Description) -> str:
    changes = [*description.params, *(f"input {shape}" for shape in description.inputs)]
    return f", with {', '.join(map(_words, changes))}:" if changes else ":"


def _epochs(lines: list[dict[str, Any]]) -> str:
    rows = [
        (
            str(line["epoch"]),
            f"{line['train_loss']:.4f}",
            f"{line['train_top1']:.2%}",
            f"{line['loss']:.4f}",
            f"{line['top1']:.2%}",
        )
        for line in lines
        if line["kind"] == "epoch"
    ]
    return _table(("epoch", "training loss", "training accuracy", "test loss", "test accuracy"), rows)


def _gradients(lines: list[dict[str, Any]]) -> list[str]:
    """Norms by stage in the first epoch and the last: whether the gradient reaches the stages far from the loss."""
    epochs = [line["gradients"] for line in lines if line["kind"] == "epoch" and line.get("gradients")]
    if not epochs:
        return []
    first, last = epochs[0], epochs[-1]
    rows = [(stage, f"{first.get(stage, math.nan):.4g}", f"{norm:.4g}") for stage, norm in last.items()]
    return [
        "The norm of the gradient by stage, in the last step of an epoch:",
        _table(("stage", "first epoch", "last epoch"), rows),
    ]


def _confusion(confusion: Tensor, classes: tuple[str, ...]) -> str:
    if len(classes) <= TABLED:
        rows = [(name, *map(str, counts)) for name, counts in zip(classes, confusion.tolist(), strict=True)]
        return _table(("", *classes), rows)
    wrong = confusion.clone().fill_diagonal_(0)
    values, places = wrong.flatten().topk(CONFUSED)
    rows = [
        (classes[place // len(classes)], classes[place % len(classes)], str(value))
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
        if value > 0
    ]
    return _table(("true", "taken for", "images"), rows)


def _curves(lines: list[dict[str, Any]]) -> bytes:
    """Loss, accuracy and learning rate over the steps, as SVG."""
    from matplotlib.figure import Figure

    steps = [line for line in lines if line["kind"] == "steps"]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    figure = Figure(figsize=(11, 3.2))
    # A layout that measures every label takes as long as all the rest.
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.2)
    loss, accuracy, rate = figure.subplots(1, 3)
    for axes, key, title in (
        (loss, "loss", "loss"),
        (accuracy, "top1", "accuracy"),
        (rate, "learning_rate", "learning rate"),
    ):
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        axes.plot([line["step"] for line in steps], [line[key] for line in steps], linewidth=1, label="training")
        if key != "learning_rate":
            axes.plot([line["step"] for line in epochs], [line[key] for line in epochs], marker="o", label="test")
            axes.legend()
    return _svg(figure)


def _matrix(confusion: Tensor) -> bytes:
    """The share of each class that was taken for each, as SVG."""
    from matplotlib.figure import Figure

    share = confusion.double() / confusion.sum(dim=1, keepdim=True).clamp(min=1)
    figure = Figure(figsize=(5.5, 5))
    axes = figure.subplots()
    image = axes.imshow(share.numpy(), cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, shrink=0.8)
    axes.set_xlabel("taken for")
    axes.set_ylabel("true")
    return _svg(figure)


def _svg(figure: Any) -> bytes:
    import matplotlib

    file = io.BytesIO()
    # No date and no random names: the same run gives the same bytes. Labels stay text, drawn by the reader's fonts.
    with matplotlib.rc_context({"svg.hashsalt": "netdsl", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(map(_words, line)) + " |" for line in lines)


def _words(text: str) -> str:
    """Text that Markdown shows as it is: no tag, link, picture or end of a cell comes of it, nor a line."""
    return _MARKUP.sub(r"\\\g<0>", visible(text)).replace("&", "&amp;").replace("<", "&lt;")


def _span(text: str) -> str:
    """Text as code within a line."""
    return f"`{visible(text)}`" if "`" not in text else _words(text)


def _code(text: str, language: str) -> str:
    """A fenced block that no line of the text can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
