"""A team's server on the web: which requests are let in, what they may cost, and what answers them."""
