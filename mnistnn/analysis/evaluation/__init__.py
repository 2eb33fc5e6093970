"""What a trained model is measured to be on a split."""
