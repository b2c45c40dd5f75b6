"""What carries out rounds: numpy, and compiled code with the same bits."""
