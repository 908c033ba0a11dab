"""Behind ``ops/deform_sample.py``: a file per backend, and the choice between them."""
