"""The fidelity tests, asked of AWS and of localstage, and what the two answered side by side.

Table of contents: ``__main__`` is the command, ``plugin`` chooses the tests and writes down
what each has seen, ``watching`` does the seeing, ``redaction`` takes out what is somebody's
own, ``comparison`` writes the page, ``account`` says what a run costs and takes away what it
has left. The rows are those of tests/fidelity, the tests those that carry their marks.
"""
