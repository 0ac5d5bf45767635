"""`python -m evalplatform.startup COMMAND`: what `./run` becomes once all is installed."""

import sys

from evalplatform.startup.main import main

sys.exit(main(sys.argv[1:]))
