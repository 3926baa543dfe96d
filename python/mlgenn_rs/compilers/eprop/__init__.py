"""Parts of the e-prop compiler.

E-prop trains recurrent spiking networks forward in time: every synapse keeps a trace of how it
contributed to its target's state, and the error of the outputs, fed back to hidden neurons, turns
traces into gradients (Bellec et al. 2020).

Each module adds one part of the rule to the model of a population or connection.
"""
