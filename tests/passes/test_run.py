"""Running passes: what is held to what it was given, and what is refused."""

from __future__ import annotations

import pytest
from netdsl_pytorch.verify.passed import check_passed, same_numbers

from netdsl.extension.options import Option
from netdsl.graph.graph import Graph, Rewriting
from netdsl.ops import REGISTRY
from netdsl.passes.interface import Pass, PassRefused
from netdsl.passes.merge_siblings import MergeSiblings
from netdsl.passes.registry import OURS, parse_pass
from netdsl.passes.run import Passed, run_passes
from netdsl.text import SpecError
from tests.elaborate.specs import graph_of, in_net

TEXT = in_net("conv(4, 3x3) -> relu() -> dropout(0.5)\nconcat { conv(4, 1x1); conv(3, 1x1) }", "3x8x8")


def passed(*passes: Pass, text: str = TEXT) -> Passed:
    return run_passes(passes, lambda: graph_of(text, traced=True))


class Nothing(Pass):
    name = "nothing"
    doc = "leaves everything as it is"

    def apply(self, graph: Graph) -> Graph:
        return graph


class Swapped(Pass):
    """Puts an operator in place of another."""

    name = "swapped"
    doc = "puts an operator in place of another"
    options = (Option("old", "which", "relu"), Option("new", "by which", "relu6"))

    def apply(self, graph: Graph) -> Graph:
        for node in graph.nodes():
            if node.op.name == self.given["old"]:
                node.op = REGISTRY[self.given["new"]]
                node.args = {}
        return graph


def test_what_stays_the_same_passes() -> None:
    done = passed(Nothing())
    assert done.names == ("nothing",)
    assert not done.proved
    assert all(parts == (key,) for key, parts in done.moves.items())
    check_passed(done)


def test_merging_is_proved_and_its_moves_lead_through_other_passes() -> None:
    done = passed(MergeSiblings(), Nothing())
    assert done.said == ("merged 2 convolutions into 1",)
    assert done.moves["siblings.weight"] == ("conv2.weight", "conv3.weight")
    assert passed(MergeSiblings()).proved
    same_numbers(done)


def test_what_was_changed_otherwise_cannot_be_merged() -> None:
    with pytest.raises(SpecError, match="E0705"):
        passed(Nothing(), MergeSiblings())


def test_other_numbers_are_found() -> None:
    text = TEXT.replace("relu()", "relu() -> square()")
    check_passed(passed(Swapped({"old": "relu", "new": "relu"}), text=text))
    with pytest.raises(SpecError, match=r"E0706.*off by"):
        check_passed(passed(Swapped({"old": "square", "new": "exp"}), text=text))


def test_other_parameters_are_passed_too() -> None:
    text = "net N(width = 4) {\ninput image: 3x8x8\nconv(width, 3x3) -> square()\noutput y = identity()\n}"
    done = passed(Swapped({"old": "square", "new": "exp"}), text=text)
    assert done.graph.with_parameters is not None
    other = done.graph.with_parameters({"width": 7})
    assert [node.op.name for node in other.nodes()] == ["conv", "exp", "identity"]
    assert int(next(iter(other.state().values())).shape[0]) == 7


class Broken(Pass):
    name = "broken"
    doc = "breaks a network in a way"
    options = (Option("how", "in which way", "weights"),)

    def apply(self, graph: Graph) -> Graph:
        nodes = list(graph.nodes())
        match self.given["how"]:
            case "weights":
                nodes[0].name = "other"
            case "moves":
                graph.rewriting = Rewriting(dict.fromkeys(graph.state(), ("conv2.weight",)))
            case "result":
                graph.outputs[0].name = "other"
            case "dropout":
                next(node for node in nodes if node.op.name == "dropout").args = {"p": 0.1}
            case "types":
                nodes[1].outputs[0].type = nodes[1].outputs[0].type._replace(shape=(1, 2))
            case "nothing":
                return None  # type: ignore[return-value]
        return graph


@pytest.mark.parametrize("how", ["weights", "moves", "result", "dropout", "types", "nothing"])
def test_another_network_is_refused(how: str) -> None:
    with pytest.raises(SpecError, match="E0706"):
        passed(Broken({"how": how}))


def test_a_pass_is_written_as_it_is_asked_for() -> None:
    assert str(Swapped()) == "swapped"
    assert str(Swapped({"new": "tanh"})) == "swapped:new=tanh"
    assert str(parse_pass("merge-siblings")) == "merge-siblings"


@pytest.mark.parametrize("text", ["nothing", "", "Merge-Siblings", "os:system", "merge-siblings:fast"])
def test_what_is_no_pass(text: str) -> None:
    with pytest.raises(SpecError, match=r"E070[24]"):
        parse_pass(text)


def test_the_help_of_our_passes_is_their_own() -> None:
    for name, ours in OURS.items():
        assert (parse_pass(name).name, parse_pass(name).doc) == (name, ours.doc)


class Choosy(Pass):
    name = "choosy"
    doc = "takes one width alone"

    def apply(self, graph: Graph) -> Graph:
        if graph.parameters["width"] != 4:
            raise PassRefused("the width is not 4")
        return graph


def test_a_pass_may_refuse_other_parameters() -> None:
    text = "net N(width = 4) {\ninput image: 3x8x8\noutput y = conv(width, 3x3)\n}"
    done = passed(Choosy(), text=text)
    assert done.graph.with_parameters is not None
    with pytest.raises(SpecError, match=r"E0705.*the width is not 4"):
        done.graph.with_parameters({"width": 5})


def test_what_is_too_large_to_be_computed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    done = passed(Nothing())
    monkeypatch.setattr("netdsl_pytorch.verify.passed.affordable", lambda graph: False)
    with pytest.raises(SpecError, match=r"E0706.*too large to be computed here"):
        check_passed(done)
