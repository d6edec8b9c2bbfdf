"""How healthy the joining of people is, told by figures that need nobody's labels."""
