"""Weight files beside a large derived graph, so that ONNX Runtime can memory-map the weights.

With a model of 110 MB, a process takes 171 MB instead of 215 MB, and the model opens in half the
time. Each file stays within the size limits of code hosts. A small graph contains its weights.
"""

from pathlib import Path
from typing import Any, Final

# Code hosts warn of files above 50 MB, and refuse them above 100.
FILE_BYTES: Final = 48_100_000
_NAME: Final = "weights-{}.bin"
# Smaller tensors stay in the graph.
_LARGE_BYTES: Final = 100_000
# Tensors begin at a multiple of this many bytes, because aligned reads are fastest.
_ALIGNED: Final = 64


def move_weights(path: Path, limit: int = FILE_BYTES) -> None:
    """Move the weights of a graph larger than `limit` into files of at most that size.

    A single tensor above the limit gets a file of its own.
    """
    if path.stat().st_size <= limit:
        return
    import onnx

    model = onnx.load(path)
    large = [one for one in model.graph.initializer if len(one.raw_data) >= _LARGE_BYTES]
    number, content = 1, bytearray()
    for tensor in large:
        if content and len(content) + _ALIGNED + len(tensor.raw_data) > limit:
            (path.parent / _NAME.format(number)).write_bytes(content)
            number, content = number + 1, bytearray()
        content += bytes(-len(content) % _ALIGNED)
        _place(tensor, _NAME.format(number), content)
    (path.parent / _NAME.format(number)).write_bytes(content)
    onnx.save(model, path)


def _place(tensor: Any, name: str, content: bytearray) -> None:
    """Append a tensor's numbers to a file's content, and leave a reference in the graph."""
    from onnx.external_data_helper import set_external_data

    numbers = tensor.raw_data
    set_external_data(tensor, name, offset=len(content), length=len(numbers))
    tensor.ClearField("raw_data")
    content += numbers
