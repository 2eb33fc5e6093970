"""A picture of one's own becomes a digit like those of MNIST."""
