"""The fields that each algorithm has of its own, with their defaults, units and meanings."""

from ml_collections.config_dict import ConfigDict, placeholder

from jaxgan.evaluation import MOST_LAYERS


def image_set(name: str) -> ConfigDict:
    """Which images: a translator has two such sets."""
    data = ConfigDict()
    data.name = name  # toons, sketches, colourings, simpsons_faces, simpsons_mnist, lfw, celeb_a, folder or arrays
    data.dir = placeholder(str)  # the user's archive, folder or .npz; none downloads or draws the set
    data.fit = "crop"  # images that are not square: crop cuts out the centre, pad adds white
    data.unreadable = "error"  # files that are no readable images: error names them and stops, skip goes on
    data.limit = placeholder(int)  # use the first so many training images only
    return data


def _balance() -> dict:
    return {
        "gamma": 0.5,  # diversity ratio E[L(G(z))] / E[L(x)] that the balance aims at
        "lambda_k": 1e-3,  # gain of k's controller
        "k_min": 0.0,  # k starts here
        "k_max": 1.0,
    }


def _began() -> dict:
    return {
        **_balance(),
        **_plateau(),
        **_small_data(),
        "spectral_norm": False,  # divide the discriminator's kernels by their largest singular values
        "pull_away": 0.0,  # weight of the likeness of the critic's codes of fakes, 0 to 1, in G's loss
        "activation": "elu",  # elu, relu, leaky_relu, silu or gelu
        "asymmetric": False,  # ABEGAN: halved generator and discriminator's decoder
        "skip_connections": False,  # paper, section 3.5.1: h0 joins the decoders after each upsampling
        "residual_steps": 0,  # paper, section 3.5.1: steps in which the residuals' carry goes from 1 to 0; 0 has none
    }


def _plateau() -> dict:
    return {
        "plateau_every": 3080,  # steps whose mean of m is compared with the best so far; 0 never decays
        "plateau_factor": 0.9,  # of both learning rates where m stalls
        "plateau_rtol": 1e-4,  # relative improvement that counts
    }


def _shared() -> dict:
    return {
        **_balance(),
        **_altered(),
        "hold_decoder": True,  # G's loss sees the reconstructing G as a constant; False is the seed's flat loss
        "adversarial": True,  # D's loss is L(x) - k L(G(z)); False is their mean, ADCGAN's in the seed, without k
    }


def _sabegan() -> dict:
    return _shared() | {"activation": "elu"}  # elu, relu, leaky_relu, silu or gelu


def _dcgan_networks() -> dict:
    return {
        "kernel": 3,  # size of the convolutions
        "upsampling": "nearest",  # nearest (then a convolution) or transposed
        "transposed_kernel": 4,  # size of the transposed convolutions
        "dropout": 0.25,  # probability that the discriminator drops a channel
        "leak": 0.2,  # slope of LeakyReLU below 0
        "batch_norm_eps": 0.5,  # added to the variance, but in the generator's first (1e-5)
    }


def _adcgan() -> dict:
    return _shared() | _dcgan_networks()


def _dcgan() -> dict:
    return (
        _dcgan_networks()
        | _of_outputs()
        | {
            "spectral_norm": False,  # divide the discriminator's kernels by their largest singular values
            "label_smoothing": 0.1,  # D's real labels are one uniform draw a batch from [1 - this, 1]
            "lr_decay": 0.1,  # factor on both learning rates ...
            "lr_decay_every": 308_000,  # ... each so many steps; 0 never decays
        }
    )


def _sdpc() -> dict:
    layer = {
        "atoms": 64,
        "kernel": 9,  # side of an atom, in what lies below; 0 takes in all of that
        "stride": 1,  # between atoms
        "sparsity": 1.0,  # lambda, the weight of |gamma|_1
        "scale": 1.0,  # v at the start: by how much what lies above sees the codes larger; the last layer's has no use
        "lr": 5e-3,  # of the dictionary, by gradients of an image's prediction error
    }
    return {
        "epochs": 100,
        "batch_size": 20,
        "layers": 2,  # how many there are of layer_1 to layer_4
        "layer_1": layer | {"kernel": 8, "stride": 2, "sparsity": 0.5, "scale": 6.0, "lr": 1e-4},
        **{f"layer_{number}": layer | {"kernel": 5} for number in range(2, MOST_LAYERS + 1)},
        "feedback": 1.0,  # b, the weight of what lies above: 1 is SDPC, 0 the hierarchical Lasso
        "threshold": 5e-4,  # relative change of energy in a step, below which an image's inference ends
        "max_iterations": 1000,  # of an inference
        "momentum": 0.9,  # of the dictionaries
        "lr_scale": 1e-3,  # Adam's learning rate, v
        "dead_after": 100,  # steps without use after which an atom counts as dead
        "data": {
            "whiten_f0": 0.5,  # cycles a pixel up to which spectra are made even; 0 leaves them
            "whiten_n": 2.0,  # steepness of the fall above
            "contrast_size": 9,  # pixels a side of the window of local contrast normalisation, odd; 0 does without
            "contrast_sigma": 0.5,  # deviation of its Gaussian weights, in halves of the window's side
            "standardise": True,  # each image gets mean 0 and deviation 1
            "mask": True,  # only an ellipse within the edges is seen
        },
        "monitor": {"every": 0},  # readings are of samples, of which there are none
    }


def _sdpc_began() -> dict:
    layer = {
        "atoms": 64,
        "kernel": 0,  # side of an atom, in what lies below; 0 takes in all of that
        "stride": 1,  # between atoms
        "sparsity": 1.0,  # lambda, the weight of |gamma|_1
    }
    return {
        **_balance(),
        **_altered(),
        **_plateau(),
        "pull_away": 0.0,  # weight of the likeness of the critic's codes of fakes, 0 to 1, in G's loss
        "activation": "elu",  # of the generator: elu, relu, leaky_relu, silu or gelu
        "code_layer": 0,  # layer whose codes G draws for the critic's dictionaries to render; with 0 it draws pixels
        "code_weight": 0.0,  # of the mean of G's codes in G's loss, where it draws them
        "layers": 2,  # how many there are of layer_1 to layer_4
        "layer_1": layer | {"kernel": 8, "stride": 4},
        **{f"layer_{number}": layer | {"atoms": 128} for number in range(2, MOST_LAYERS + 1)},
        "feedback": 1.0,  # b, the weight of what lies above
        "inference_steps": 6,  # T, of the critic's inference, through which gradients go
        "warm_steps": 0,  # before them, without gradients
        "gradient": "unrolled",  # or implicit: that of the point at which warm_steps and T steps arrive
    }


def _sdpc_codes() -> dict:
    sdpc = _sdpc()
    layer = sdpc["layer_2"] | {"kernel": 3, "sparsity": 0.05}
    return sdpc | {
        "batch_size": 32,
        "layer_1": layer | {"kernel": 8, "stride": 4, "sparsity": 0.1, "lr": 1e-3},
        **{f"layer_{number}": layer | {"atoms": 96} for number in range(2, MOST_LAYERS + 1)},
        "pretrain_steps": 3080,  # in which the dictionaries learn, before G and D do
        "code_layer": 1,  # layer whose codes G draws
        "code_weight": 0.0,  # of the mean of G's codes in G's loss
        "activation": "elu",  # of the generator: elu, relu, leaky_relu, silu or gelu
        "r1": 0.3,  # weight of D's squared gradient at real codes, halved, in D's loss on those
        "data": {},
        "monitor": {"warmup": 6160},
    }


def _altered() -> dict:
    return {"diffaugment": False}  # alter, move and cut what the discriminator sees


def _small_data() -> dict:
    """What keeps a discriminator from knowing a small set by heart."""
    return _altered() | {
        "r1": 0.0,  # weight of its squared slope at real images, halved
        "r1_every": 1,  # steps between two such penalties, each so many times as large
    }


def _of_outputs() -> dict:
    """The same where the discriminator gives a number for each image, positive for real ones."""
    return _small_data() | {
        "ada_target": 0.0,  # mean sign of that at which images are altered more often (0.6 is usual); 0 alters none
        "ada_images": 100_000,  # real ones in which the probability of an alteration goes from 0 to 1 at most
        "top_share": 1.0,  # of the fakes, the best by the discriminator, from which the generator learns
    }


def _memory() -> dict:
    """What lets a step take less of it."""
    return {
        "accumulate": 1,  # parts of a batch that are computed one after the other, each with statistics of its own
        "remat": False,  # compute features anew in the backward pass, in the place of keeping them
    }


def _falling() -> dict:
    return {
        "lr_hold_steps": 0,  # steps for which both learning rates stay as they are ...
        "lr_fall_steps": 0,  # ... and in which they then fall linearly to 0; 0 never does
    }


def _biggan() -> dict:
    return _of_outputs() | {
        "epochs": 500,
        "batch_size": 50,
        "latent_dim": 128,
        "init": "orthogonal",
        "lr_g": 2e-4,
        "lr_d": 2e-4,
        "adam_b1": 0.0,
        "ema_decay": 0.9999,
        "ema_start": 1000,  # steps before which the average of G's weights is the weights themselves
        "num_classes": 0,  # of the data set, which G and D are told; 0 tells them none
        "d_steps": 4,  # of the discriminator for one of the generator, each on a batch of its own
        "widest": 4,  # most channels, in widths: they double from the `width` of 128 px with each halving
        "critic_end": 8,  # pixels a side down to which the discriminator halves its features, and ...
        "critic_blocks": 2,  # ... its blocks there
        "minibatch_std": False,  # show the discriminator how much a batch's features differ, against lost modes
        "skip_latent": True,  # each block of the generator is given a part of the latent
        "embedding": 128,  # length of a class's, which all blocks of the generator are given
        "attention": 0,  # pixels a side of the features that see all of each other, in both networks; 0 has none
        **_falling(),
        **_memory(),
        "orthogonal": 1e-4,  # weight of the generator's squared products of different columns of its kernels
    }


def _r3gan() -> dict:
    return {
        "epochs": 400,
        "batch_size": 512,
        "width": 768,
        "lr_g": 2e-4,
        "lr_d": 2e-4,
        "adam_b1": 0.0,
        "adam_b2": 0.9,
        "num_classes": 0,  # of the data set, which G and D are told; 0 tells them none
        "blocks": 2,  # residual blocks for each size of the features
        "group": 16,  # channels that are convolved together
        **_memory(),
        # In schedule_steps, along half a cosine, both learning rates, adam_b2, r1, altered and ema_images go to what is
        # called the same with _end.
        "schedule_steps": 0,  # 0 stays at the first values
        "lr_end": 0.25,  # in parts of lr_g and lr_d
        "adam_b2_end": 0.99,
        "r1": 0.05,  # weight of D's squared slopes at real and at drawn images, halved
        "r1_end": 0.005,
        "altered": 0.0,  # probability of each of the ways to alter the images that D sees
        "altered_end": 0.55,
        "ema_images": 500_000,  # in which what has gone into the average of G's weights fades by half
        "ema_images_end": 500_000,
    }


def _cyclegan() -> dict:
    return {
        "batch_size": 1,
        "init": "normal_002",
        "lr_g": 2e-4,
        "lr_d": 2e-4,
        **_falling(),
        "blocks": 3,  # residual blocks of the generators: 6 at 128 px and 9 at 256 in the paper
        "upsampling": "transposed",  # in the generators: transposed, or nearest (then a convolution)
        "critic_halvings": 1,  # of a critic: it judges patches of 16, 34 or 70 pixels with 1, 2 or 3
        "pool": 50,  # earlier fakes of each domain, some of which its critic sees in the place of new ones
        "cycle": 10.0,  # weight of the cycles' error in the generators' loss ...
        "cycle_end": 10.0,  # ... to which it goes linearly ...
        "cycle_steps": 0,  # ... in so many steps; 0 stays at `cycle`
        "identity": 0.5,  # weight, in that of the cycles', of what an image changes that is in the domain already
        "paired": 0.0,  # weight of the error against the batch's other images, where data.paired makes them partners
        "r1": 0.0,  # weight of a critic's squared slope at real images, halved
        "diffaugment": False,  # alter, move and cut what the critics see
        "data": {
            "a": image_set("sketches"),  # what is translated, and ...
            "b": image_set("toons"),  # ... what it is to be like
            "flip": True,
            "paired": False,  # batches have the same numbers of both sets, as of sketches and colourings
            "load_size": 0,  # pixels a side to which images are enlarged, and a part then cut out; 0 takes them whole
        },
    }


OWN = {
    "began": _began,
    "sabegan": _sabegan,
    "adcgan": _adcgan,
    "dcgan": _dcgan,
    "sdpc": _sdpc,
    "sdpc_began": _sdpc_began,
    "sdpc_codes": _sdpc_codes,
    "cyclegan": _cyclegan,
    "biggan": _biggan,
    "r3gan": _r3gan,
}
_OF_GANS = ("latent_dim", "latent", "width", "init", "lr_g", "lr_d", "adam_b1", "adam_b2", "ema_decay")
# Those shared by others that an algorithm has no use for.
WITHOUT = {
    "sdpc": (*_OF_GANS, "data.noise"),  # it neither draws latents nor has an adversary
    "sdpc_codes": ("data.noise",),
    "cyclegan": ("latent_dim", "latent", "data.noise", *(f"data.{name}" for name in image_set(""))),
    "biggan": ("data.noise",),
    "r3gan": ("ema_decay", "init", "data.noise"),
}
