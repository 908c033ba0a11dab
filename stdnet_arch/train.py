"""Train with the toolbox; files go under the current folder.

python -m stdnet_arch.train -opt options/tiny/tiny_STDNet.yml [--auto_resume] [--debug]
torchrun --nproc_per_node 2 -m stdnet_arch.train -opt X.yml --launcher pytorch
"""

from pathlib import Path

from basicsr.train import train_pipeline

if __name__ == "__main__":
    train_pipeline(str(Path.cwd()))
