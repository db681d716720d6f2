"""`python -m genspace`."""

from genspace.cli import main

main()
