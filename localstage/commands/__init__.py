"""The commands of ``localstage``, a module for each group; ``cli.py`` puts them together."""
