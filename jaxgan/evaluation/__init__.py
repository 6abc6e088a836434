"""What a generator draws, measured: images and arrays in, numbers and sentences out, whatever the algorithm."""

# All measures in the order in which they are shown, and whether less is better.
LESS_IS_BETTER = {
    "fd_probe": True,
    "kid_probe": True,
    "precision": False,
    "recall": False,
    "density": False,
    "coverage": False,
    "diversity": False,
    "recognised": False,
    "effective_characters": False,
    "memorisation": True,
    "copies": True,
    "reconstruction": True,
    "fid": True,
    "kid": True,
    "inception_score": False,
    "inception_precision": False,
    "inception_recall": False,
}
