"""Makes the data of notebooks, runs the notebooks, and stores them with their outputs.

    python notebooks/store.py                        # every notebook
    python notebooks/store.py 02-claims 05-clocks    # some of them
    python notebooks/store.py --keep-data            # without the commands that make the data

The commands in a notebook's first cell make its data. These commands skip runs that are already in data/. With --keep-data, no command
is executed: the notebook reads the files that are in data/ now.
"""

import argparse
import base64
import io
import os
import pathlib
import re
import subprocess

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent
# The pictures of notebooks/README.md: for each file in figures/, the notebook that draws it, and the picture's position among the pictures
# of this notebook, counted from 0.
FIGURES = {
    "claims.png": ("02-claims", 0),
    "stability-map.png": ("03-stability-map", 0),
    "identical-runs.png": ("04-real-and-virtual", 1),
    "clocks.png": ("05-clocks", 0),
}


def make_data(notebook):
    """Runs the shell commands of the notebook's first cell. They run in the project's folder."""
    # Fails unless the cell has exactly one block of shell commands.
    [commands] = re.findall(r"```sh\n(.*?)```", notebook.cells[0].source, re.DOTALL)
    subprocess.run(["bash", "-eu", "-c", commands], cwd=FOLDER.parent, check=True)


def execute(notebook):
    """Runs all cells. Times and the version of Python are not stored, because they differ between computers."""
    client = NotebookClient(notebook, timeout=600, record_timing=False, resources={"metadata": {"path": str(FOLDER)}})
    # JUPYTER_PREFER_ENV_PATH: take Jupyter's settings from this Python environment first. MPLBACKEND: draw pictures into the notebook.
    client.execute(env={**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    # The client has stored the language with Python's version. Only the name is kept.
    notebook.metadata["language_info"] = {"name": "python"}


def with_palette(png):
    """Returns the same picture with at most 256 colours, which takes a third of the bytes."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


def shrink_pictures(notebook):
    """Replaces each PNG picture in the notebook by a copy with at most 256 colours. Returns the copies, in the order of the notebook."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    with_pictures = [output.data for output in outputs if "image/png" in output.get("data", {})]
    pictures = [with_palette(base64.b64decode(data["image/png"])) for data in with_pictures]
    for data, picture in zip(with_pictures, pictures):
        data["image/png"] = base64.b64encode(picture).decode()
    return pictures


def store(path, keep_data):
    """Makes the data of a notebook, runs the notebook, and writes two things: the notebook with its outputs, and its pictures for
    notebooks/README.md."""
    notebook = nbformat.read(path, as_version=4)
    if not keep_data:
        make_data(notebook)
    execute(notebook)
    pictures = shrink_pictures(notebook)
    nbformat.write(notebook, path)
    for file, (name, index) in FIGURES.items():
        if name == path.stem:
            (FOLDER / "figures" / file).write_bytes(pictures[index])
    print(f"{path.name}: {len(pictures)} pictures, {path.stat().st_size:,} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=f"one of {', '.join(names)}; all if none is named")
    parser.add_argument("--keep-data", action="store_true", help="do not run the commands that make the data")
    arguments = parser.parse_args()
    for name in arguments.notebooks:
        if name not in names:
            parser.error(f"there is no notebook `{name}`; the notebooks are {', '.join(names)}")
    for name in arguments.notebooks or names:
        store(FOLDER / f"{name}.ipynb", arguments.keep_data)


if __name__ == "__main__":
    main()
