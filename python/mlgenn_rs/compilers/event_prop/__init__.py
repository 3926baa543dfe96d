"""Parts of the EventProp compiler.

EventProp trains spiking networks with exact gradients of event times: adjoint variables are
integrated backwards in time and jump where neurons spiked (Wunderlich and Pehle 2021).  Here the
backward pass of one batch runs at the same time as the forward pass of the next one, so a batch is
learned from one batch later.

Each module adds one part of the rule to the model of a population or connection.
"""
