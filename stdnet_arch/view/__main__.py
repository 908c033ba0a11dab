"""Look at depth in the browser.

python -m stdnet_arch.view [OUT | RECORDING] [--port 7860]
"""

import sys

from stdnet_arch.view.command import main

if __name__ == "__main__":
    sys.exit(main())
