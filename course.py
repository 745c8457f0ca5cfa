"""The course's commands: ``python3 course.py lab`` and ``python3 course.py test``.

Lives here: the one check that must come first. Does not know: what the commands
do (``installation/commands.py``). An old Python must be able to read this file,
so it has no annotations and no f-strings.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("course.py: Python 3.11 or newer is needed and this is Python %d.%d: "
                     "install a newer one and start course.py with it.\n" % tuple(sys.version_info[:2]))
    sys.exit(2)

from installation.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
