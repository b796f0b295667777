"""Quantization of an exported ONNX graph to eight bits, with the same products on every processor.

Weights are quantized during the derivation, to signed integers with one scale per column.
Activations are quantized at run time, to unsigned integers. To multiply both, a processor without
VNNI adds the products of two neighbouring weights of a column in sixteen bits, where a larger sum
saturates. So each column's scale is chosen large enough that no such sum saturates. Small
differences remain: processors add floats in different orders, so an activation may be rounded
differently.

Two rewrites of the graph, exact in full precision, reduce the loss of quantization.

Source:
    Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language
    Models", ICML 2023, for the scales of channels.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.onnx_model import session_options

Weights = NDArray[np.float32]

# The most that two neighbouring weights may add up to. Times 255 it fits in sixteen bits with a
# sign; rounding adds at most a half to either.
NEIGHBOURS_AT_MOST: Final = 128
# ONNX Runtime 1.32's fused kernel takes six times as long as the two operators it replaces.
_SLOW_FUSIONS: Final = ["SkipLayerNormFusion"]
# A table of more numbers is stored in four bits, to keep the package of a model for many languages
# under 100 MB. 96 million numbers take 54 MB, read as needed.
_LARGE_TABLE: Final = 50_000_000
# The numbers that share a scale.
BLOCK: Final = 32
# Smaller numbers count as zero.
_TINY: Final = 1e-6


def quantize(
    exported: Path, quantized: Path, feeds: Sequence[Mapping[str, NDArray[np.int64]]]
) -> None:
    """Quantize a graph's weights; its activations are quantized at run time.

    Args:
        exported: the graph in full precision, for one text.
        quantized: the file to write.
        feeds: the graph's inputs for some texts, used to smooth activations.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(exported)
    # Without this mark the quantizer recommends an unneeded step.
    onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    _smooth(model, feeds)
    _scale_by_token(model.graph)
    _pack_large_tables(model)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    matrices = {
        node.input[1]: onnx.numpy_helper.to_array(weights[node.input[1]])
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in weights
    }
    quantize_dynamic(
        model,
        quantized,
        per_channel=True,
        # Other tensors than plain matrices keep seven bits, which don't saturate either.
        reduce_range=True,
        # Unsigned weights take 1.4 to 1.7 times as long with VNNI.
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    result = onnx.load(quantized)
    _bound_neighbours(result.graph, matrices)
    onnx.save(result, quantized)


def optimize(quantized: Path, path: Path) -> None:
    """Write the graph as ONNX Runtime optimizes it, to save that work at each start."""
    import onnxruntime

    options = session_options()
    # The extended level, not all: later optimizations depend on the CPU.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(
        str(quantized),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=_SLOW_FUSIONS,
    )


def column_scales(matrix: Weights) -> Weights:
    """The scales (n,) of the columns of a matrix (k, n).

    They are large enough that no sum of two products saturates (see the module's docstring).
    Rounding every weight to seven bits would prevent that, too, but with scales about 1.4 times as
    large, so with less precision.
    """
    sizes = np.abs(matrix)
    neighbours = sizes[:-1:2] + sizes[1::2]
    largest = np.concatenate([sizes, neighbours]).max(axis=0)
    scales = np.maximum(largest, _TINY) / (NEIGHBOURS_AT_MOST - 1)
    return np.asarray(scales, dtype=np.float32)


def block_quantized(table: Weights) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """The numbers (n, d) of a table in four bits, -8 to 7, and their scales (n, d / BLOCK).

    In each block the number of the largest size becomes -8. A table made of such blocks
    loses nothing.

    Source:
        Q4_0 of ggml.
    """
    blocks = table.reshape(len(table), -1, BLOCK)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1, keepdims=True), axis=-1)
    scales = (largest / -8).astype(np.float16)
    divisors = np.where(scales == 0, np.float32(1), scales.astype(np.float32))
    numbers = np.rint(blocks / divisors).clip(-8, 7).astype(np.int8)
    return numbers.reshape(table.shape), scales[:, :, 0]


def _pack_large_tables(model: Any) -> None:
    """Store large tables of token vectors as blocks of four bits."""
    from onnx import TensorProto
    from onnx.helper import make_node, make_opsetid
    from onnx.numpy_helper import from_array, to_array

    tables = {
        weight.name: weight
        for weight in model.graph.initializer
        if len(weight.dims) == 2 and np.prod(weight.dims) > _LARGE_TABLE
    }

    def packed(node: Any) -> list[Any]:
        if node.op_type != "Gather" or node.input[0] not in tables:
            return [node]
        [result], tensor = node.output, tables.pop(node.input[0])
        numbers, scales = block_quantized(to_array(tensor))
        # Neighbours share a byte.
        halves = numbers.view(np.uint8) & 15
        tensor.ClearField("float_data")
        tensor.data_type = TensorProto.INT4
        tensor.raw_data = (halves[:, ::2] | halves[:, 1::2] << 4).tobytes()
        model.graph.initializer.append(from_array(scales, f"{tensor.name}_scales"))
        return [
            make_node(
                "GatherBlockQuantized",
                [tensor.name, node.input[1], f"{tensor.name}_scales"],
                [f"{result}_half"],
                f"{result}_gather",
                domain="com.microsoft",
                block_size=BLOCK,
                gather_axis=0,
                quantize_axis=1,
            ),
            make_node("Cast", [f"{result}_half"], [result], result, to=TensorProto.FLOAT),
        ]

    if tables:
        model.opset_import.append(make_opsetid("com.microsoft", 1))
        # The first with numbers of four bits.
        model.ir_version = 10
    _rewrite(model.graph, packed)


def _bound_neighbours(graph: Any, matrices: Mapping[str, Weights]) -> None:
    """Quantize the matrices of a quantized graph again, with the scales of `column_scales`."""
    from onnx import TensorProto, numpy_helper

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for name, matrix in matrices.items():
        integers = tensors.get(f"{name}_quantized")
        if matrix.ndim != 2 or integers is None or integers.data_type != TensorProto.INT8:
            continue
        scales = column_scales(matrix)
        rounded = np.rint(matrix / scales).astype(np.int8)
        integers.CopyFrom(numpy_helper.from_array(rounded, integers.name))
        scale = tensors[f"{name}_scale"]
        scale.CopyFrom(numpy_helper.from_array(scales, scale.name))


def _smooth(model: Any, feeds: Sequence[Mapping[str, NDArray[np.int64]]]) -> None:
    """Divide each channel of normalized layers by a factor that its weights are multiplied by.

    One scale quantizes all channels of an activation, so a few large channels leave the others
    little precision. So x W is written as (x / s) (s W), with a factor s for each channel. This
    takes 1 to 3 percent more time and halves the loss of quantization.
    """
    from onnx.helper import make_node
    from onnx.numpy_helper import from_array, to_array

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    readers = _readers_of_normalized(model.graph, weights)
    largest = _largest(model, list(readers), feeds)
    before = {}
    for x, nodes in readers.items():
        tensors = [weights[node.input[1]] for node in nodes]
        rows = np.max([np.abs(to_array(tensor)).max(axis=1) for tensor in tensors], axis=0)
        scales = np.sqrt(np.maximum(largest[x], _TINY) / np.maximum(rows, _TINY))
        # Around 1, so activations stay about as large as they were. Powers of two scale floats
        # without rounding, so the last digits of a measurement, which differ between processors,
        # don't decide anything.
        scales = np.exp2(np.rint(np.log2(scales) - np.log2(scales).mean()))
        factors, smoothed = f"{x}_factors", f"{x}_smoothed"
        model.graph.initializer.append(from_array((1 / scales).astype(np.float32), factors))
        before[nodes[0].output[0]] = make_node("Mul", [x, factors], [smoothed], smoothed)
        for node, tensor in zip(nodes, tensors, strict=True):
            scaled = (to_array(tensor) * scales[:, np.newaxis]).astype(np.float32)
            tensor.CopyFrom(from_array(scaled, tensor.name))
            node.input[0] = smoothed
    _rewrite(
        model.graph,
        lambda node: [before[node.output[0]], node] if node.output[0] in before else [node],
    )


def _readers_of_normalized(graph: Any, weights: Mapping[str, Any]) -> dict[str, list[Any]]:
    """For each normalized layer, the matrix products that multiply its output by weights.

    Products that share their weights with another node are left out.
    """
    normalized = {node.output[0] for node in graph.node if node.op_type == "LayerNormalization"}
    uses = Counter(name for node in graph.node for name in node.input)
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[0] not in normalized:
            continue
        weight = node.input[1]
        # Layers may share their weights (ALBERT), and these can be scaled for one of them only.
        if weight in weights and len(weights[weight].dims) == 2 and uses[weight] == 1:
            readers.setdefault(node.input[0], []).append(node)
    return readers


def _largest(
    model: Any, names: Sequence[str], feeds: Sequence[Mapping[str, NDArray[np.int64]]]
) -> dict[str, NDArray[np.float32]]:
    """For each named activation, the largest absolute value of each channel, over all `feeds`."""
    import onnxruntime
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    before = len(model.graph.output)
    model.graph.output.extend(
        make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
    )
    del model.graph.output[before:]
    largest: dict[str, NDArray[np.float32]] = {}
    for feed in feeds:
        found = session.run(list(names), dict(feed))
        for name, values in zip(names, found, strict=True):
            sizes = np.abs(values).max(axis=(0, 1))
            largest[name] = np.maximum(largest.get(name, sizes), sizes)
    return largest


def _scale_by_token(graph: Any) -> None:
    """Scale each token by its own largest value in the layers where tokens differ most.

    A quantized product has one scale for all tokens of a text. Before the two matrices of a
    feed-forward layer (the non-square ones), a few large tokens leave the others little precision.
    So x W is written as max|x| (x / max|x|) W, the same in full precision. This takes 10 percent
    more time. The loss of quantization with E5-small falls from 0.009 to 0.001 nDCG@10.
    """
    from onnx import TensorProto
    from onnx.helper import make_node, make_tensor

    shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    graph.initializer.append(make_tensor("smallest_scale", TensorProto.FLOAT, [], [_TINY]))

    def scaled(node: Any) -> list[Any]:
        shape = shapes.get(node.input[1], ()) if node.op_type == "MatMul" else ()
        if len(shape) != 2 or shape[0] == shape[1]:
            return [node]
        x, product = node.input[0], node.output[0]
        own = f"{product}_scale"
        node.input[0], node.output[0] = f"{own}_x", f"{own}_product"
        return [
            make_node("Abs", [x], [f"{own}_abs"], f"{own}_abs"),
            make_node("ReduceMax", [f"{own}_abs"], [f"{own}_max"], f"{own}_max", axes=[-1]),
            make_node("Max", [f"{own}_max", "smallest_scale"], [own], own),
            make_node("Div", [x, own], [f"{own}_x"], f"{own}_div"),
            node,
            make_node("Mul", [f"{own}_product", own], [product], f"{own}_mul"),
        ]

    _rewrite(graph, scaled)


def _rewrite(graph: Any, replaced: Callable[[Any], list[Any]]) -> None:
    nodes = [new for node in list(graph.node) for new in replaced(node)]
    # Copies, because clearing the list removes its nodes.
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
