"""Test with the toolbox; results go under the current folder.

python -m stdnet_arch.test -opt options/test/STDNet/X.yml
"""

from pathlib import Path

import basicsr.test

if __name__ == "__main__":
    basicsr.test.test_pipeline(str(Path.cwd()))
