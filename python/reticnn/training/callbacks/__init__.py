"""What is done between the steps and epochs of training."""
