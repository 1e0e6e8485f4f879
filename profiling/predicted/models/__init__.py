"""Models of which only sizes come along, and those of a user's own file."""
