"""What probabilities in single precision cannot be told apart."""

# Below these, probabilities are 0, or cannot be told from 1.
SMALLEST = 1e-37
ROUNDING = 6e-8
