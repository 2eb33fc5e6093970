"""Many runs of one experiment with other values, and the choice among them."""
