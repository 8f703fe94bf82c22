"""Colours of figures, in light and dark; each kind of box differs in its border too, for paper without colours."""

from __future__ import annotations

from netdsl.draw.arrange.metrics import FONT

CLASSES = {
    "weights": "w",
    "pool": "p",
    "norm": "n",
    "pointwise": "u",
    "combine": "c",
    "shape": "s",
    "group": "g",
    "end": "e",
}
"""The class of a box by the family of its part."""

_LIGHT = {
    "w": ("#dceafa", "#2b67a6"),
    "p": ("#fbe1dc", "#b04a3c"),
    "n": ("#e8e3f5", "#6b59a6"),
    "u": ("#fdf0cd", "#9c7a1f"),
    "c": ("#dcf0de", "#35793f"),
    "s": ("#eceff1", "#67737b"),
    "g": ("#f3efe6", "#796d52"),
    "e": ("#ffffff", "#3c4248"),
}
_DARK = {
    "w": ("#16324f", "#6ea6e0"),
    "p": ("#4c221c", "#e28b7e"),
    "n": ("#322a52", "#a99be0"),
    "u": ("#463812", "#d8b65a"),
    "c": ("#173a1e", "#77bd82"),
    "s": ("#2b3136", "#98a4ac"),
    "g": ("#332f26", "#b8ab8c"),
    "e": ("#161b22", "#c5ccd3"),
}

HEAT = ("#fff7ec", "#fee8c8", "#fdd49e", "#fdbb84", "#fc8d59", "#ef6548")
"""Steps of the scale of `--color` (ColorBrewer, OrRd): the more, the darker, on paper without colours too."""


def css(scope: str) -> str:
    """The style sheet of a figure; rules hold within elements of the class `scope`."""
    at = f".{scope} "
    rules = [
        f"{at}text{{font:12px {FONT};text-anchor:middle;fill:#1b1f24}}",
        f"{at}.n{{font-weight:bold}}",
        f"{at}.r{{font-size:10px;fill:#4a525a}}",
        f"{at}.l{{font-size:10px;fill:#4a525a;text-anchor:start}}",
        f"{at}.h{{font-size:11.5px;text-anchor:start}}",
        f"{at}.k{{font-size:15px;font-weight:bold;text-anchor:start}}",
        f"{at}.j{{font-size:11px;fill:#4a525a;text-anchor:start}}",
        f"{at}.y{{font-size:15px}}",
        f"{at}.bg{{fill:#ffffff;stroke:none}}",
        f"{at}rect,{at}circle{{stroke-width:1}}",
        f"{at}.f{{fill:#fbfbfa;stroke:#a6a294}}",
        f"{at}.f2{{fill:#f4f3ef;stroke:#a6a294}}",
        f"{at}.fh{{fill:#e9e6dd;stroke:none}}",
        f"{at}.q{{stroke-dasharray:2 2}}",
        f"{at}.t{{stroke-dasharray:5 3}}",
        f"{at}path{{fill:none;stroke:#3c4248;stroke-width:1.1}}",
        f"{at}path.t{{stroke-dasharray:4 3}}",
        f"{at}.d{{fill:#3c4248;stroke:none}}",
        f"{at}a:hover rect,{at}a:hover circle{{stroke-width:2}}",
        f"{at}.z text{{fill:#1b1f24}}",
    ]
    rules += [f"{at}.{name}{{fill:{fill};stroke:{line}}}" for name, (fill, line) in _LIGHT.items() if name != "n"]
    rules.append(f"{at}rect.n{{fill:{_LIGHT['n'][0]};stroke:{_LIGHT['n'][1]}}}")
    dark = [
        f"{at}text{{fill:#e6edf3}}",
        f"{at}.r,{at}.l,{at}.j{{fill:#aab4be}}",
        f"{at}.bg{{fill:#0d1117}}",
        f"{at}.f{{fill:#12171e;stroke:#5d6670}}",
        f"{at}.f2{{fill:#191f27;stroke:#5d6670}}",
        f"{at}.fh{{fill:#262d36}}",
        f"{at}path{{stroke:#c5ccd3}}",
        f"{at}.d{{fill:#c5ccd3}}",
    ]
    dark += [f"{at}.{name}{{fill:{fill};stroke:{line}}}" for name, (fill, line) in _DARK.items() if name != "n"]
    dark.append(f"{at}rect.n{{fill:{_DARK['n'][0]};stroke:{_DARK['n'][1]}}}")
    return "\n".join(rules) + "\n@media (prefers-color-scheme:dark){" + "".join(dark) + "}"
