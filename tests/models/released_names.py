"""Names and shapes of the values in the authors' checkpoints, as their published networks have them."""

from collections.abc import Iterator

Shapes = dict[str, tuple[int, ...]]


def linear(name: str, width_in: int, width_out: int, bias: bool = True) -> Shapes:
    """A linear layer."""
    return {f"{name}.weight": (width_out, width_in), **({f"{name}.bias": (width_out,)} if bias else {})}


def convolution(name: str, width_in: int, width_out: int, *kernel: int, bias: bool = True) -> Shapes:
    """A convolution over one or two axes."""
    return {f"{name}.weight": (width_out, width_in, *kernel), **({f"{name}.bias": (width_out,)} if bias else {})}


def norm(name: str, width: int) -> Shapes:
    """A layer norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def batch_norm(name: str, width: int) -> Shapes:
    """A batch norm with its statistics."""
    statistics = {f"{name}.running_mean": (width,), f"{name}.running_var": (width,), f"{name}.num_batches_tracked": ()}
    return norm(name, width) | statistics


def urdmu(dim: int = 1024) -> Shapes:
    """UR-DMU's network (`WSAD`): 6,492,929 values with features of 1,024 numbers."""
    shapes = convolution("embedding.conv_1.0", dim, 512, 3)
    shapes |= linear("cls_head.mlp.0", 1024, 128) | linear("cls_head.mlp.2", 128, 1)
    shapes |= {"Amemory.memory_block": (60, 512), "Nmemory.memory_block": (60, 512)}
    for block in range(2):
        own = f"selfatt.layers.{block}"
        shapes |= norm(f"{own}.0.norm", 512) | linear(f"{own}.0.fn.to_qkv", 512, 2048, bias=False)
        shapes |= linear(f"{own}.0.fn.to_out.0", 1024, 512) | norm(f"{own}.1.norm", 512)
        shapes |= linear(f"{own}.1.fn.net.0", 512, 512) | linear(f"{own}.1.fn.net.3", 512, 512)
    return shapes | linear("encoder_mu.0", 512, 512) | linear("encoder_var.0", 512, 512)


def rtfm() -> Shapes:
    """RTFM's network: 24,718,849 values."""
    shapes: Shapes = {}
    for branch in (1, 2, 3):
        shapes |= convolution(f"Aggregate.conv_{branch}.0", 2048, 512, 3)
        shapes |= batch_norm(f"Aggregate.conv_{branch}.2", 512)
    shapes |= convolution("Aggregate.conv_4.0", 2048, 512, 1, bias=False)
    shapes |= convolution("Aggregate.conv_5.0", 2048, 2048, 3, bias=False) | batch_norm("Aggregate.conv_5.2", 2048)
    for part in ("g", "theta", "phi"):
        shapes |= convolution(f"Aggregate.non_local.{part}", 512, 256, 1)
    shapes |= convolution("Aggregate.non_local.W.0", 256, 512, 1) | batch_norm("Aggregate.non_local.W.1", 512)
    return shapes | linear("fc1", 2048, 512) | linear("fc2", 512, 128) | linear("fc3", 128, 1)


def lstm(name: str, width_in: int, width: int) -> Shapes:
    """One LSTM layer."""
    weights = {f"{name}.weight_ih_l0": (4 * width, width_in), f"{name}.weight_hh_l0": (4 * width, width)}
    return weights | {f"{name}.bias_ih_l0": (4 * width,), f"{name}.bias_hh_l0": (4 * width,)}


def lstm_memory_ae() -> Shapes:
    """Efficient-VAD's autoencoder: 908,096 values."""
    shapes = linear("encoder_fc.0", 960, 256) | lstm("encoder_lstm", 256, 64) | {"memory.weight": (50, 64)}
    return shapes | lstm("decoder_lstm", 64, 256) | linear("decoder_fc", 256, 960)


def mstsm() -> Shapes:
    """MemTSM-Net's network: 159,347 values."""
    shapes = convolution("encoder.0", 3, 64, 3)
    for place, width_in, width in ((1, 64, 64), (4, 64, 128)):
        own = f"encoder.{place}"
        shapes |= convolution(f"{own}.conv", width_in, width, 3) | batch_norm(f"{own}.bn", width)
        shapes |= convolution(f"{own}.attention.attn.0", width, width // 4, 1)
        shapes |= convolution(f"{own}.attention.attn.2", width // 4, 1, 1)
    shapes |= convolution("encoder.4.skip", 64, 128, 1) | linear("se.fc1", 128, 32) | linear("se.fc2", 32, 128)
    shapes |= {"memory.memory": (100, 128)} | linear("memory.fc", 256, 128)
    shapes |= linear("decoder.0", 128, 256) | linear("decoder.2", 256, 48)
    return shapes | linear("scorer.0", 128, 64) | linear("scorer.2", 64, 1)


def mnad(prediction: bool = True) -> Shapes:
    """MNAD's network with the batch norm that it never calls, and its keys."""
    shapes: Shapes = {}
    inputs = 12 if prediction else 3
    for number, (width_in, width) in enumerate([(inputs, 64), (64, 128), (128, 256), (256, 512)], start=1):
        shapes |= dict(_double(f"encoder.moduleConv{number}", width_in, width, last_norm=number < 4))
    shapes |= batch_norm("encoder.moduleBatchNorm", 512) | dict(_double("decoder.moduleConv", 1024, 512))
    for number, width in ((4, 512), (3, 256), (2, 128)):
        half = width // 2 if prediction else width
        up = f"decoder.moduleUpsample{number}"
        shapes |= {f"{up}.0.weight": (width, half, 3, 3), f"{up}.0.bias": (half,)} | batch_norm(f"{up}.1", half)
    shapes |= dict(_double("decoder.moduleDeconv3", 512, 256)) | dict(_double("decoder.moduleDeconv2", 256, 128))
    shapes |= dict(_double("decoder.moduleDeconv1", 128, 64)) | convolution("decoder.moduleDeconv1.6", 64, 3, 3, 3)
    return shapes | {"keys": (10, 512)}


def _double(name: str, width_in: int, width: int, last_norm: bool = True) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Two convolutions, each with a batch norm behind it."""
    yield from (convolution(f"{name}.0", width_in, width, 3, 3) | batch_norm(f"{name}.1", width)).items()
    yield from convolution(f"{name}.3", width, width, 3, 3).items()
    yield from batch_norm(f"{name}.4", width).items() if last_norm else ()


def stpvad() -> Shapes:
    """SST-WSVADL's three networks, each name behind its part: 6,492,929 + 90,696,006 + 10,431,745 values."""
    shapes = {f"stage1.{name}": shape for name, shape in urdmu().items()}
    shapes |= {f"head.{name}": shape for name, shape in urdmu(1536).items()}
    cross, width = "head.cross_attention", 1024
    shapes |= linear(f"{cross}.cross_attn.to_q", width, 512, bias=False)
    shapes |= linear(f"{cross}.cross_attn.to_kv", width, 1024, bias=False) | linear(
        f"{cross}.cross_attn.to_out.0", 512, width
    )
    shapes |= norm(f"{cross}.norm1", width) | norm(f"{cross}.norm2", width)
    shapes |= linear(f"{cross}.ff.0", width, 512) | linear(f"{cross}.ff.3", 512, width)
    encoder: Shapes = {"patch_embed.proj.weight": (768, 3, 2, 16, 16), "patch_embed.proj.bias": (768,)}
    encoder |= {"pos_embed": (1, 512, 768)}
    for block in range(12):
        own = f"blocks.{block}"
        encoder |= norm(f"{own}.norm1", 768) | norm(f"{own}.norm2", 768)
        encoder |= linear(f"{own}.attn.qkv", 768, 2304) | linear(f"{own}.attn.proj", 768, 768)
        encoder |= linear(f"{own}.mlp.fc1", 768, 3072) | linear(f"{own}.mlp.fc2", 3072, 768)
    for number in range(3):
        own = f"score_predictor.{number}"
        encoder |= norm(f"{own}.in_conv.0", 768) | linear(f"{own}.in_conv.1", 768, 768)
        encoder |= linear(f"{own}.out_conv.0", 768, 384) | linear(f"{own}.out_conv.2", 384, 192)
        encoder |= linear(f"{own}.out_conv.4", 192, 2)
    encoder |= norm("norm_recon", 768) | linear("head_recon", 768, 1536)
    return shapes | {f"encoder.{name}": shape for name, shape in encoder.items()}
