"""A sink in one module: a folder with a signed file for each result."""

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.sinks.protocol import Sink

FORM = re.compile(r"signed:(?P<folder>[^?]+)\?key=(?P<key>.+)")
NAME = re.compile(r"[0-9]{6}\.json")


class SignedSink(Sink):
    """Stores results in `signed:FOLDER?key=KEY`; only who has the key can read or add to them."""

    takes_url = True

    def __init__(self, place):
        self.folder, self.key = parts_of(place)

    @staticmethod
    def redact(place):
        return place.partition("?")[0] + "?key=***"

    @staticmethod
    def check(place):
        folder, _ = parts_of(place)
        if not folder.parent.is_dir():
            raise TargetError(f"there is no folder {folder.parent}; make it first")

    def write(self, result):
        names = result_names(self.folder, TargetError) if self.folder.exists() else []
        self.folder.mkdir(exist_ok=True)
        text = result.to_json()
        temporary = self.folder / f".{secrets.token_hex(8)}"
        try:
            with temporary.open("x") as file:
                file.write(f"{text}\n{signature(text, self.key)}\n")
                file.flush()
                os.fsync(file.fileno())
            number = int(names[-1][:6]) + 1 if names else 0
            while not linked(temporary, self.folder / f"{number:06}.json"):
                number += 1
        finally:
            temporary.unlink(missing_ok=True)

    @staticmethod
    def records(place):
        folder, key = parts_of(place)
        for name in result_names(folder, ResultsFileError):
            text, _, signed = (folder / name).read_text().partition("\n")
            if not hmac.compare_digest(signed.strip(), signature(text, key)):
                raise ResultsFileError(f"{folder / name} was signed with another key, or changed")
            yield str(folder / name), json.loads(text)


def parts_of(place):
    form = FORM.fullmatch(place)
    if form is None:
        raise TargetError("write signed:FOLDER?key=KEY")
    return Path(form["folder"]), form["key"]


def result_names(folder, error):
    """Return the names of the results in a folder, in order; one with anything else is refused."""
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    if not all(NAME.fullmatch(name) for name in names):
        raise error(f"{folder} holds something else than results")
    return names


def signature(text, key):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def linked(temporary, path):
    """Give a file its name, unless another process has just taken it: nothing is replaced."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a crash after this loses nothing
    finally:
        os.close(folder)
    return True
