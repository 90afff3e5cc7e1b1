"""Judge a learner's back-propagation, and name the factor that went wrong.

catalogue      the mistakes, each with its name, its equation and what it does
steps          the exact step, every factor of it open to a change
variants       the changes: one for each mistake at each place of a network
matching       which one or two of them give the gradients that were computed
"""
