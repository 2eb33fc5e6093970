"""Reproduction: training the experiments that make claims, and holding what comes out against them."""
