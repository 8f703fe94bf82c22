"""The pictures of the documentation: `make pictures` draws them anew, and a test holds them to the specs."""

from __future__ import annotations

from pathlib import Path

from netdsl.draw.drawing import Drawing, Request, linker
from netdsl.draw.write.stamp import stamped
from netdsl.loading import load_spec

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"

PICTURES: dict[str, tuple[str, dict[str, object]]] = {
    "googlenet": ("googlenet", {}),
    "googlenet-open": ("googlenet", {"depth": 3}),
    "googlenet-params": ("googlenet", {"colour": "params"}),
    "inception": ("googlenet", {"block": "Inception"}),
    "inception-naive": ("googlenet_naive", {"block": "NaiveInception"}),
    "resnet50": ("resnet50", {}),
    "bottleneck": ("resnet50", {"block": "Bottleneck", "right": True}),
    "densenet121": ("densenet121", {}),
    "inception_v3": ("inception_v3", {}),
    "vit_b_16": ("vit_b_16", {}),
    "unet": ("unet", {}),
}
"""The file: the model, and how it is drawn (netdsl.draw.drawing.Request)."""


def picture(name: str) -> str:
    """A picture as it should be."""
    model, how = PICTURES[name]
    request = Request(link=linker(str(FOLDER)), **how)  # type: ignore[arg-type]
    return stamped(Drawing(load_spec(model).graph, request).drawn().svg, "svg")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(picture(name), encoding="utf-8", newline="\n")
