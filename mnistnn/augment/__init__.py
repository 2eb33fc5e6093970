"""Augmentation: training images are distorted anew for every update; images that are measured never are."""
