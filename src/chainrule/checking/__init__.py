"""Judge a learner's back-propagation, and name the factor that went wrong.

catalogue                the mistakes, each with its name, its equation and what it does
roles, reading, packing, bundling
                         what names stand for; how arrays are laid out and come back
ruled, steps, cases      the exact step, every factor of it open to a change; where to try
variant, chained, gathered, variants
                         the changes: one for each mistake at each place of a network
matching                 which one or two of them give the gradients that were computed
sources, tracing         the text of the code; every number that it gives a name
running, functions, classes
                         run code of any style at a case
judging                  the convention, found by trying
inferring                the network, where nobody said it
effects, progress, trying, quantities
                         what else may be wrong, and where it hides
rewriting, repairing     the line of a mistake, and a line that was tried in its place
report, reporting, checker
                         the answer
loading, telling, finding, sandbox, grading
                         files, words, whole classes
"""
