"""What each instruction of a compiled program moves, on one device, loops multiplied out."""
