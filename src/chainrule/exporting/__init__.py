"""A model in another language: its preprocessing, its networks, its classes.

spelling       names, text and numbers that cannot break out of their place
language       a rule's source in a language with infix operators
c, ...         one module a target
samples        rows with the outputs that an artefact must give
"""
