"""What training costs: the phases of a reinforcement-learning loop, counted and measured."""
