"""The architectures that can be trained and exported, as an explicit list.

To add one: write `networks/NAME.py` with a configuration dataclass and a module that keeps
:class:`~rechroma.networks.ColorizationNetwork`, then name it in `_ARCHITECTURES` below.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rechroma.errors import CheckpointError, RecipeError, TrainingError, did_you_mean
from rechroma.models import DataSource
from rechroma.networks.architectures.attention_gan import AttentionGan
from rechroma.networks.architectures.attention_gan import Config as AttentionGanConfig
from rechroma.networks.architectures.coarse_to_fine import CoarseToFine
from rechroma.networks.architectures.coarse_to_fine import Config as CoarseToFineConfig
from rechroma.networks.architectures.eccv16 import Config as Eccv16Config
from rechroma.networks.architectures.eccv16 import Eccv16
from rechroma.networks.architectures.fusion_autoencoder import Config as FusionAutoencoderConfig
from rechroma.networks.architectures.fusion_autoencoder import FusionAutoencoder
from rechroma.networks.architectures.inception_unet import Config as InceptionUnetConfig
from rechroma.networks.architectures.inception_unet import InceptionUnet
from rechroma.networks.architectures.rechroma import Config, Rechroma
from rechroma.networks.architectures.siggraph17 import Config as Siggraph17Config
from rechroma.networks.architectures.siggraph17 import Siggraph17
from rechroma.networks.architectures.vgg_fcn import Config as VggFcnConfig
from rechroma.networks.architectures.vgg_fcn import VggFcn
from rechroma.networks.config import fitting_options
from rechroma.networks.layers.spectral_norm import fold_spectral_norm, is_folded, normalize_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from rechroma.networks.base import ColorizationNetwork


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes:
        name: What recipes and model files call it.
        module: Makes one by its configuration.
        config: The dataclass of that.
        paper: Where its ideas come from.
        character: What it is good and bad at, in one line.
        license: SPDX identifier of the weights that its authors published, if they did.
        authors: Who made those.
        data: What those were trained on.
    """

    name: str
    module: Callable[[Any], ColorizationNetwork]
    config: type[Any]
    paper: str
    character: str
    license: str = ""
    authors: tuple[str, ...] = ()
    data: tuple[DataSource, ...] = ()


_IMAGENET = DataSource("ImageNet", "ImageNet terms: research", "https://image-net.org")


_ARCHITECTURES = (
    Architecture(
        "rechroma",
        Rechroma,
        Config,
        "encoders: MobileNetV2 (arXiv 1801.04381), MobileNetEdgeTPU (2004.14525), ResNet-50 v2 "
        "(1603.05027), VGG-19 (1409.1556); color bins (1603.08511), FiLM (1709.07871)",
        "strong: vivid, takes hints, knows several colors for a place; weak: large, and of "
        "little use without a pretrained encoder",
    ),
    Architecture(
        "coarse-to-fine",
        CoarseToFine,
        CoarseToFineConfig,
        "EfficientNet-Lite (github.com/tensorflow/tpu), color bins (arXiv 1603.08511), FiLM "
        "(1709.07871), convex upsampling (RAFT, 2003.12039)",
        "strong: recognizes what it colors, takes hints, trains in an hour on kept features; weak: "
        "small things share a cell of 8 pixels, of little use without a pretrained encoder",
    ),
    Architecture(
        "vgg-fcn",
        VggFcn,
        VggFcnConfig,
        "VGG-19 (arXiv 1409.1556), fully convolutional networks (1411.4038)",
        "strong: simple, follows edges; weak: pale where a thing may have several colors, as "
        "all regression is, and blind to the picture as a whole",
    ),
    Architecture(
        "fusion-autoencoder",
        FusionAutoencoder,
        FusionAutoencoderConfig,
        "Iizuka et al. 2016 (doi 10.1145/2897824.2925974), deep-koalarization (arXiv 1712.03400)",
        "strong: knows from the start what kind of picture it is; weak: blurred along edges for "
        "want of skip connections, and pale",
    ),
    Architecture(
        "inception-unet",
        InceptionUnet,
        InceptionUnetConfig,
        "Inception (arXiv 1409.4842), U-Net (1505.04597), Iizuka et al. 2016",
        "strong: needs no pretrained weights, learns from labels too, so for pictures of one "
        "kind; weak: knows only what it was shown, and is pale",
    ),
    Architecture(
        "eccv16",
        Eccv16,
        Eccv16Config,
        "Colorful image colorization, Zhang et al. 2016 (arXiv 1603.08511)",
        "strong: vivid, published weights exist; weak: large, brown people, uneven patches",
        license="BSD-2-Clause",
        authors=("Richard Zhang", "Phillip Isola", "Alexei A. Efros"),
        data=(_IMAGENET,),
    ),
    Architecture(
        "siggraph17",
        Siggraph17,
        Siggraph17Config,
        "Real-time user-guided image colorization, Zhang et al. 2017 (arXiv 1705.02999)",
        "strong: takes hints, full size, published weights exist; weak: large, pale without hints",
        license="BSD-2-Clause",
        authors=(
            *("Richard Zhang", "Jun-Yan Zhu", "Phillip Isola", "Xinyang Geng", "Angela S. Lin"),
            *("Tianhe Yu", "Alexei A. Efros"),
        ),
        data=(_IMAGENET,),
    ),
    Architecture(
        "attention-gan",
        AttentionGan,
        AttentionGanConfig,
        "SAGAN (arXiv 1805.08318), spectral normalization (1802.05957), NoGAN (DeOldify)",
        "strong: a critic rewards plausible color; weak: costly and restless to train",
    ),
)


def by_name(architectures: Iterable[Architecture]) -> dict[str, Architecture]:
    """Architectures by their names.

    Raises:
        TrainingError: Two have the same name.
    """
    known: dict[str, Architecture] = {}
    for architecture in architectures:
        if architecture.name in known:
            raise TrainingError(f"two networks are called {architecture.name!r}")
        known[architecture.name] = architecture
    return known


ARCHITECTURES = by_name(_ARCHITECTURES)


def find(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        RecipeError: There is none; the hint names the nearest.
    """
    if name not in ARCHITECTURES:
        hint = did_you_mean(name, sorted(ARCHITECTURES))
        raise RecipeError(f"no network is called {name!r}", hint=hint)
    return ARCHITECTURES[name]


def build(name: str, options: Mapping[str, Any]) -> ColorizationNetwork:
    """Make the network `name` with `options` for its configuration.

    Raises:
        RecipeError: The name is unknown, or an option is, or the value of one does not fit.
    """
    architecture = find(name)
    known = {field.name for field in dataclasses.fields(architecture.config)}
    if unknown := set(options) - known:
        option = min(unknown)
        hint = did_you_mean(option, sorted(known))
        raise RecipeError(f"network {name!r} has no option {option!r}", hint=hint)
    fitting = fitting_options(architecture.config, options)
    return architecture.module(architecture.config(**fitting))


def describe(network: ColorizationNetwork) -> dict[str, Any]:
    """The `name` and the `options` with which :func:`build` makes such a network, as in JSON."""
    names = {architecture.module: architecture.name for architecture in ARCHITECTURES.values()}
    fields = dataclasses.asdict(network.config)
    options = {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}
    return {"name": names[type(network)], "options": options}


def load_encoder(encoder: nn.Module, path: Path) -> None:
    """Fill an encoder from a safetensors file of pretrained weights, float16 or float32.

    What the file holds beyond the encoder's last layer (a classifier) is left out; anything the
    encoder has and the file lacks is an error.

    Raises:
        CheckpointError: The file is missing, or its keys or shapes do not fit.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{path}: cannot be read: there is no such file",
            hint="network.encoder_weights names it; left empty, the encoder begins from scratch.",
        )
    weights = {key: value.float() for key, value in read_safetensors(path).items()}
    fill(encoder, weights, path)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The weights of a safetensors file by name.

    Raises:
        CheckpointError: The file is missing, or not such a file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, Tensor] = load_file(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {error}") from error
    return weights


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """All that makes a module what it is, by name: its state but for counters of batches."""
    state = module.state_dict()
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def fill(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give a module all its weights, by their names; what `weights` hold beyond is left out.

    Weights without spectral normalization, such as a model file holds, also fit a module with it.

    Raises:
        CheckpointError: One is missing or of another shape; the message begins with `path`.
    """
    folded = fold_spectral_norm(module) if is_folded(weights) else []
    wanted = set(weights_of(module))
    if missing := wanted - set(weights):
        raise CheckpointError(f"{path}: lacks the network's {min(missing)!r}")
    try:
        module.load_state_dict({key: weights[key] for key in wanted}, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: does not fit the network: {error}") from error
    normalize_again(folded)
