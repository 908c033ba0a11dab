"""Small LMDBs, and all that is in one."""

import multiprocessing

import lmdb
from create_lmdb import create

from stdnet_arch.data.database.lmdb_frame import StoreOptions
from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_store import close_environment
from stdnet_arch.data.database.lmdb_writer import create_lmdb


def folder_job(root, clips=None, source_opt=None, **store):
    """A job over ``make_clip``'s folders."""
    source_opt = {"lq": "lq_x{scale}"} if source_opt is None else source_opt
    return LmdbJob(
        source="Folder", root=str(root), source_opt=source_opt, clips=clips,
        store=StoreOptions(**store),
    )  # fmt: skip


def write_lmdb(root, out, **store):
    """An LMDB over ``make_clip``'s folders; returns its path."""
    return create_lmdb(folder_job(root, **store), out, quiet=True).path


def contents(path):
    """Every key and value, and the files of text."""
    with lmdb.open(str(path), readonly=True, lock=False) as env, env.begin() as transaction:
        items = {bytes(key): bytes(value) for key, value in transaction.cursor()}
    texts = {file.name: file.read_text() for file in path.glob("*.[jt][sx]*")}
    return items | texts


def change_value(path, key, change):
    """Overwrite one value behind the back of its checksum."""
    close_environment(path)  # no path may be opened twice in a process
    with lmdb.open(str(path), lock=False) as env, env.begin(write=True) as transaction:
        value = change(bytes(transaction.get(key.encode())))
        if value is None:
            transaction.delete(key.encode())
        else:
            transaction.put(key.encode(), value)


def arguments(root, out, *more):
    """The command line for ``make_clip``'s folders."""
    paths = ["--source", "Folder", "--root", str(root), "--out", str(out)]
    return [*paths, "--source-opt", '{"lq": "lq_x{scale}"}', "--quiet", *more]


def start_command(argv):
    """The command in a process of its own, without the seconds that imports take."""
    process = multiprocessing.get_context("fork").Process(target=_command, args=(argv,))
    process.start()
    return process


def _command(argv):
    raise SystemExit(create(argv))
