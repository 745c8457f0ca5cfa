"""``python -m localstage``."""

from localstage.cli import main

main(prog_name="localstage")
