"""Training generative adversarial networks on one small image data set."""

__version__ = "0.1.0"
