"""A file is created or replaced as a whole, and nothing of another process is removed."""

from __future__ import annotations

import errno
import os

import pytest

from ttbench_core.sinks.files import create_file, replace_file

REFUSED = [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES]


@pytest.fixture(params=["links", *REFUSED])
def links(request, monkeypatch):
    """Let the file system have hard links, or refuse them in one way or another."""

    def refused(*_, **__):
        raise OSError(request.param, os.strerror(request.param))

    if request.param != "links":
        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("links")
def test_a_file_is_created_with_its_content_and_the_permissions_of_the_user(tmp_path):
    before = os.umask(0o027)
    try:
        create_file(tmp_path / "new.json", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "new.json").read_bytes() == b"content"
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["new.json"]


@pytest.mark.usefixtures("links")
def test_a_file_that_is_there_stays_also_a_link_to_nothing(tmp_path):
    (tmp_path / "old.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to(tmp_path / "nothing")
    for name in ("old.json", "link.json"):
        with pytest.raises(FileExistsError):
            create_file(tmp_path / name, b"content")
    assert (tmp_path / "old.json").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["link.json", "old.json"]


@pytest.mark.usefixtures("links")
def test_a_late_error_leaves_no_file(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        create_file(tmp_path / "new.json", b"content")
    assert os.listdir(tmp_path) == []


def test_a_late_error_removes_no_file_that_another_process_wrote_meanwhile(tmp_path, monkeypatch):
    path, flush = tmp_path / "new.json", os.fsync

    def refused(*_):
        raise OSError(errno.EPERM, "no hard links")

    def replaced_and_failing(descriptor):
        if not path.exists():  # the temporary file
            return
        with monkeypatch.context() as real:
            real.setattr(os, "fsync", flush)
            replace_file(path, b"of another process")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "fsync", replaced_and_failing)
    with pytest.raises(OSError, match="Input/output error"):
        create_file(path, b"content")
    assert os.listdir(tmp_path) == ["new.json"]
    assert path.read_bytes() == b"of another process"


def test_a_file_appears_under_its_name_when_it_is_complete(tmp_path, monkeypatch):
    seen, flush = [], os.fsync

    def look(descriptor):
        seen.append((tmp_path / "new.json").exists())
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    create_file(tmp_path / "new.json", b"content")
    assert seen[0] is False


def test_a_temporary_file_that_another_writer_removes_costs_nothing(tmp_path, monkeypatch):
    link = os.link

    def removed_before(source, target):
        source.unlink()
        link(source, target)

    monkeypatch.setattr(os, "link", removed_before)
    create_file(tmp_path / "new.json", b"content")
    assert (tmp_path / "new.json").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["new.json"]
