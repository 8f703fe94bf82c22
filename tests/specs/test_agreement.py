"""The library agrees with the implementations that people trust, torchvision's and timm's, and with the papers."""

from __future__ import annotations

import json

import pytest

from netdsl.analysis.figures import Figures
from tests.specs.library import MODELS, OURS, REFERENCES, digest, graph_of, records

MEASURED = [(library, name) for library in ("torchvision", "timm") for name in records(library)]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_loads_and_keeps_its_contracts_and_budgets(model: str) -> None:
    graph = graph_of(model)
    assert graph.name == model
    assert not graph.notes
    assert graph.budgets


@pytest.mark.parametrize("name", REFERENCES)
def test_every_key_and_shape_is_the_reference_s_and_so_are_the_counts(name: str) -> None:
    expected = json.loads(REFERENCES[name].read_text())
    graph = graph_of(OURS.get(name, name))
    assert [(key, list(weight.shape)) for key, weight in graph.state().items()] == list(expected["keys"].items())
    assert Figures(graph, train=True).params() == expected["params"]
    assert Figures(graph).macs() == expected["macs"]
    assert graph.inputs[0].value.type.shape == (3, expected["size"], expected["size"])


@pytest.mark.parametrize(("library", "model"), MEASURED)
def test_figures_and_keys_are_those_that_were_measured(library: str, model: str) -> None:
    expected = records(library)[model]
    graph = graph_of(model)
    figures = Figures(graph)
    found = {
        "size": graph.inputs[0].value.type.shape[-1],
        "params": figures.params(),
        "train_params": Figures(graph, train=True).params(),
        "macs": figures.macs(),
        "tensors": len(graph.state()),
        "digest": digest(graph.state()),
    }
    assert found == {key: expected[key] for key in found}


def test_the_library_has_all_of_torchvision_s_classifiers() -> None:
    measured = records("torchvision")
    assert len(measured) == 80  # torchvision.models.list_models(module=torchvision.models) of version 0.28
    assert set(measured) <= set(MODELS)


# Table 1 of the paper, with the numbers as they follow from it.
GOOGLENET = {
    "i3a": (163_696, 128_049_152),
    "i3b": (388_736, 304_267_264),
    "i4a": (376_176, 73_608_192),
    "i4b": (449_160, 87_908_352),
    "i4c": (510_104, 99_850_240),
    "i4d": (605_376, 118_515_712),
    "i4e": (868_352, 169_996_288),
    "i5a": (1_043_456, 51_079_168),
    "i5b": (1_444_080, 70_697_984),
}


@pytest.mark.parametrize("label", GOOGLENET)
def test_each_module_of_googlenet_costs_what_table_1_implies(label: str) -> None:
    graph = graph_of("googlenet")
    part = graph.find(label)
    figures = Figures(graph)
    assert (figures.params(part), figures.macs(part)) == GOOGLENET[label]


def test_the_naive_modules_cost_what_the_paper_says_they_would() -> None:
    plain, naive = Figures(graph_of("googlenet")), Figures(graph_of("googlenet_naive"))
    assert round(naive.macs() / plain.macs(), 1) == 7.9
    widths = [scope.type.shape[0] for scope in graph_of("googlenet_naive").root.items if scope.name.startswith("i")]
    assert widths == [416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]


def test_gpt2_ties_its_output_layer_to_the_token_embedding() -> None:
    state = graph_of("gpt2").state()
    assert state["lm_head.weight"] is state["transformer.wte.weight"]


def test_the_resnet_below_the_pyramid_has_torchvision_s_keys() -> None:
    backbone = graph_of("resnet50").state()
    pyramid = graph_of("resnet50_fpn").state()
    assert {f"body.{key}": weight for key, weight in backbone.items() if not key.startswith("fc.")} == {
        key: weight for key, weight in pyramid.items() if key.startswith("body.")
    }
    assert [key for key in pyramid if key.endswith("weight") and key.startswith("fpn")] == [
        f"fpn.{kind}.{level}.0.weight" for level in (3, 2, 1, 0) for kind in ("inner_blocks", "layer_blocks")
    ]
