"""EfficientNet-Lite0 without its classifier, of plain layers that `vad.networks.convolutions.fold` can put together.

Paper: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite
versions (no squeeze-and-excitation, ReLU6 instead of swish) are from the authors' TensorFlow code.
Differs: TensorFlow's padding `SAME` depends on the size of the maps; here it is that of even ones, so that height and
width of a picture are multiples of 32.
"""

from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor, nn

DIM = 1280
STEM = 32
"""Channels of the first layer."""
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, how much wider a block is inside, output channels."""
EPSILON = 1e-3
"""Of batch normalisation, as in TensorFlow; torch's default is 1e-5."""
INSIDE = {
    "_expand_conv": "expand",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_norm",
    "_project_conv": "project",
    "_bn2": "project_norm",
}
"""The layers of a block by their names in the package efficientnet-lite-pytorch."""


class Block(nn.Module):
    """Widen, filter each channel by itself, narrow; the input is added where the shape stays the same.

    Args:
        inputs, outputs: channels.
        kernel, stride: of the filter.
        widening: how many times more channels are inside; 1 leaves the first layer out.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        inside = inputs * widening
        self.layers = nn.Sequential()
        if widening > 1:
            _add(self.layers, "expand", nn.Conv2d(inputs, inside, 1, bias=False))
        _add(self.layers, "depthwise", nn.Conv2d(inside, inside, kernel, stride, groups=inside, bias=False))
        _add(self.layers, "project", nn.Conv2d(inside, outputs, 1, bias=False), active=False)
        self.keeps_shape = stride == 1 and inputs == outputs

    def forward(self, maps: Float[Tensor, "frames inputs height width"]) -> Float[Tensor, "frames outputs high wide"]:
        """The maps of the block."""
        found = self.layers(maps)
        return found.add_(maps) if self.keeps_shape else found


def features() -> nn.Sequential:
    """Normalised RGB pictures to maps of 1,280 channels at 1/32 of their size: 3,371,008 parameters."""
    stem, head = nn.Sequential(), nn.Sequential()
    _add(stem, "stem", nn.Conv2d(3, STEM, 3, 2, bias=False))
    blocks = list(_blocks())
    _add(head, "head", nn.Conv2d(STAGES[-1][-1], DIM, 1, bias=False))
    return nn.Sequential(stem, *blocks, head)


def own_name(published: str) -> str:
    """The name of a value in `features` by its name in the package; those of the classifier stay as they are.

    Args:
        published: such as `_blocks.3._bn0.weight`.
    """
    if published.startswith("_blocks."):
        _, number, layer, value = published.split(".")
        return f"{int(number) + 1}.layers.{INSIDE[layer]}.{value}"
    last = 1 + sum(stage[0] for stage in STAGES)
    ends = {"_conv_stem": "0.stem", "_bn0": "0.stem_norm", "_conv_head": f"{last}.head", "_bn1": f"{last}.head_norm"}
    layer, value = published.split(".")
    return f"{ends.get(layer, layer)}.{value}"


def _blocks() -> Iterator[Block]:
    width = STEM
    for count, kernel, stride, widening, outputs in STAGES:
        for number in range(count):
            yield Block(width, outputs, kernel, 1 if number else stride, widening)
            width = outputs


def _add(layers: nn.Sequential, name: str, convolution: nn.Conv2d, active: bool = True) -> None:
    """Add a convolution with TensorFlow's padding, its batch normalisation, and ReLU6 if it is `active`."""
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    if stride == 1:
        convolution.padding = (kernel // 2, kernel // 2)
    else:  # one more at the right and the bottom than at the left and the top
        before = (kernel - stride) // 2
        after = kernel - stride - before
        layers.add_module(f"{name}_padding", nn.ZeroPad2d((before, after, before, after)))
    layers.add_module(name, convolution)
    layers.add_module(f"{name}_norm", nn.BatchNorm2d(convolution.out_channels, EPSILON))
    if active:
        layers.add_module(f"{name}_relu6", nn.ReLU6(inplace=True))
