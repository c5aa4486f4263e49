# packages: xpython python3-jupyter-client
# loads: python3 xpython
# run: python3 -P "$(dirname "$0")/jupyter.py" xpython
"""xpython, a kernel of Jupyter in C++, does what IPython's does."""
