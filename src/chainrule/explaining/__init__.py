"""The worked mathematics of one step of a network, with its live numbers.

    derivation     what an explanation is made of: sections of equations and tables
    trace          one step of the engine, and every number on its way
    steps          the sections of that step
    paths          one weight, along all paths from it to the loss
    plain, ...     how it is shown: text, Markdown, LaTeX, HTML

Every number in it is the engine's own, and every formula is printed from its rule.
"""
