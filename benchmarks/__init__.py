"""What `make benchmark` runs: steps of mnistnn beside those of its peers, and beside the least there can be."""
