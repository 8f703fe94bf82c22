"""From a checked graph to the model that the harness trains: the emitted file, and what it takes to emit it again."""

from collections.abc import Sequence

from netdsl.loading import Loaded
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.options import TrainableModel


def trainable(
    loaded: Loaded, params: Sequence[str] = (), inputs: Sequence[str] = (), limits: Sequence[str] = ()
) -> TrainableModel:
    """The model of a graph that was elaborated with `traced = True`.

    `params`, `inputs` and `limits` are what was set, as on the command line. Raises HarnessError for a net that is no
    classifier of images, SpecError for one that cannot be emitted.
    """
    graph, spec = loaded.graph, loaded.spec
    if len(graph.inputs) != 1:
        names = ", ".join(f"`{each.name}`" for each in graph.inputs)
        raise HarnessError(f"{graph.name} has the inputs {names}: only nets of one image can be trained")
    if not graph.results or len(graph.results[0].value.type.shape) != 1:
        raise HarnessError(f"{graph.name} gives no logits, one number per class: only classifiers can be trained")
    text = emit(graph, spec_name=spec.source.name, spec_text=spec.source.text)
    return TrainableModel(
        name=factory_name(graph),
        source=text,
        spec=spec.source.text,
        spec_name=spec.source.name,
        params=tuple(params),
        inputs=tuple(inputs),
        input_shape=tuple(map(int, graph.inputs[0].value.type.shape)),
        num_classes=int(graph.results[0].value.type.shape[0]),
        spec_model=spec.model,
        spec_root=spec.root,
        limits=tuple(limits),
    )
