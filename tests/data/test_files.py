import io
import os
import stat
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from jaxgan.data import archive as archive_lib
from jaxgan.data.files import ImageFiles
from jaxgan.data.threads import in_order
from jaxgan.errors import UserError
from jaxgan.progress import Progress


@pytest.fixture(scope="module")
def progress():
    with Progress("reading", 10, "images") as progress:
        yield progress


def png(color: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("L", (3, 2), color).save(file, "PNG")
    return file.getvalue()


def zip_of(path, *members, method=zipfile.ZIP_STORED):
    """Writes members, (name or ZipInfo, content) each."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def info(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def patched(path, before: bytes, after: bytes):
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    return path


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (info("/etc/a.png"), "/etc/a.png has an absolute path"),
        (info("C:/a.png"), "C:/a.png has a drive's letter in its path"),
        (info("a\\b.png"), r"a\\b.png has a backslash in its path"),
        (info("a/../../b.png"), "a/../../b.png leads out of the archive"),
        (info("..", stat.S_IFREG), ".. leads out of the archive"),
        (info("a.png", stat.S_IFLNK | 0o777), "a.png is a symbolic link"),
        (info("readme", stat.S_IFLNK | 0o777), "readme is a symbolic link"),
        (info("a.png", stat.S_IFIFO), "a.png is a device"),
        (info("/a\n.png"), r"'/a\\n.png' has an absolute path"),
    ],
)
def test_unsafe_members_are_refused(member, said, tmp_path):
    path = zip_of(tmp_path / "a.zip", ("fine.png", png()), (member, png()))
    with pytest.raises(UserError, match=rf"a\.zip is refused: {said}; get it from elsewhere, or unpack it"):
        ImageFiles(path)


def test_null_bytes_in_names_are_refused(tmp_path):
    path = patched(zip_of(tmp_path / "a.zip", ("a.png#.txt", png())), b"a.png#.txt", b"a.png\0.txt")
    with pytest.raises(UserError, match=r"'a.png\\x00.txt' has a null byte in its name"):
        ImageFiles(path)


def test_encrypted_members_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a.png", png()))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the flag in the central directory (APPNOTE 4.4.4)
    path.write_bytes(content)
    with pytest.raises(UserError, match="a.png is encrypted"):
        ImageFiles(path)


def test_images_of_one_name_are_refused(tmp_path):
    two = [(name, png(color)) for color, name in enumerate(("one.png", "two.png", "one.txt", "two.txt"))]
    path = patched(zip_of(tmp_path / "a.zip", *two), b"two.txt", b"one.txt")  # which nobody reads
    assert ImageFiles(path).members == ["one.png", "two.png"]
    with pytest.raises(UserError, match=r"a\.zip is refused: one\.png is there more than once; get it from elsewhere"):
        ImageFiles(patched(path, b"two.png", b"one.png"))


def test_methods_that_unpack_without_bound_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.zip", ("a.png", png()), method=zipfile.ZIP_BZIP2)
    with pytest.raises(UserError, match="a.png is packed by a method other than deflate"):
        ImageFiles(path)
    ImageFiles(zip_of(tmp_path / "b.zip", ("a.txt", b""), method=zipfile.ZIP_LZMA))


def with_size(path, size: int):
    """Lies in both directories about how much the only member unpacks to (APPNOTE 4.3)."""
    content = bytearray(path.read_bytes())
    content[22:26] = struct.pack("<I", size)
    central = content.index(b"PK\1\2")
    content[central + 24 : central + 28] = struct.pack("<I", size)
    path.write_bytes(content)
    return path


def test_bombs_are_refused(tmp_path, monkeypatch):
    large = with_size(zip_of(tmp_path / "a.zip", ("a.png", png())), 2**30)
    with pytest.raises(UserError, match="a.png unpacks to 1,024 MiB"):
        ImageFiles(large)
    zeros = [(f"{index}.bmp", bytes(2**20)) for index in range(3)]
    path = zip_of(tmp_path / "b.zip", *zeros, method=zipfile.ZIP_DEFLATED)
    assert len(ImageFiles(path).members) == 3
    monkeypatch.setattr(archive_lib, "BOMB_TOTAL", 2**21)
    with pytest.raises(UserError, match="its 0.0 MiB unpack to 0.0 GiB, as a bomb's do"):
        ImageFiles(path)
    monkeypatch.undo()
    monkeypatch.setattr(archive_lib, "MAX_TOTAL", 2**21)
    with pytest.raises(UserError, match="as a bomb's do"):
        ImageFiles(path)


def test_members_that_overlap_are_refused(tmp_path):
    """As in Fifield's bomb ("A better zip bomb", 2019), of which all entries are one piece of data."""
    path = zip_of(tmp_path / "a.zip", *((f"{index}.png", bytes(1000)) for index in range(3)))
    content = path.read_bytes()
    start = content.index(b"PK\1\2")
    (offset,) = struct.unpack("<I", content[-6:-2])
    short = content[:1050] + content[start:-6] + struct.pack("<I", offset - (start - 1050)) + content[-2:]
    path.write_bytes(short)
    with pytest.raises(UserError, match="its members overlap"):
        ImageFiles(path)


def test_a_member_that_is_larger_than_it_says_is_unreadable(tmp_path, progress):
    path = with_size(zip_of(tmp_path / "a.zip", ("a.bmp", bytes(2**20)), method=zipfile.ZIP_DEFLATED), 100)
    files = ImageFiles(path)
    assert list(files.read(files.members, progress)) == []
    with pytest.raises(UserError, match=r"a\.bmp \(damaged in the archive: Bad CRC-32"):
        files.settle("error", progress)


@given(st.text(max_size=20))
@example("../a.png")
@example("a/..")
@example("\\\\server\\a.png")
@example("./a//b.png")
def test_any_member_name_is_safe_or_refused(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    try:
        files = ImageFiles(zip_of(path, (info(name + ".png"), png())))
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        return
    except (ValueError, UnicodeEncodeError):  # zipfile does not write it
        return
    for member in files.members:
        target = os.path.normpath(os.path.join("/base", member))
        assert target.startswith("/base/")
        assert "\\" not in member


@given(st.data())
def test_damaged_archives(tmp_path_factory, progress, data):
    folder = tmp_path_factory.mktemp("zip")
    path = zip_of(folder / "a.zip", ("a/0.png", png()), ("b.png", png(9)), method=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    position = st.integers(0, len(content) - 1)
    for index, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), min_size=1, max_size=6)):
        content[index] = value
    path.write_bytes(content[: len(content) - data.draw(st.integers(0, 40))])
    try:
        files = ImageFiles(path)
        for _, image in files.read(files.members, progress):
            assert image.shape[2] == 3
        files.settle("error", progress)
    except UserError as error:
        assert len(str(error).splitlines()) == 1


def test_what_is_passed_over(tmp_path):
    names = ["a.png", "b/C.JPG", "__MACOSX/._a.png", "b/._C.jpg", ".thumbs/a.png", "readme.txt", "inner.zip", "e.PnG/"]
    zip_of(tmp_path / "a.zip", *((name, b"") for name in names))
    assert ImageFiles(tmp_path / "a.zip").members == ["a.png", "b/C.JPG"]
    zipfile.ZipFile(tmp_path / "a.zip").extractall(tmp_path / ".hidden")
    assert ImageFiles(tmp_path / ".hidden").members == ["a.png", "b/C.JPG"]


def test_a_hidden_folder_that_nobody_may_read_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / ".Trashes").mkdir()
    scan = os.scandir

    def refuse(folder):
        if os.path.basename(folder) == ".Trashes":
            raise PermissionError
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert ImageFiles(tmp_path).members == ["a.png"]


def test_links_in_a_folder(tmp_path, progress):
    real, folder = tmp_path / "real", tmp_path / "folder"
    (real / "faces").mkdir(parents=True)
    (real / "faces" / "a.png").write_bytes(png())
    folder.mkdir()
    (folder / "linked").symlink_to(real)
    (folder / "b.png").symlink_to(real / "faces" / "a.png")
    (folder / "round").symlink_to(folder)
    (real / "back").symlink_to(folder)
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "self.png").symlink_to(folder / "self.png")
    files = ImageFiles(folder)
    assert files.members == ["b.png", "linked/faces/a.png", "lost.png", "self.png"]
    files.fingerprint()
    assert [name for name, _ in files.read(files.members, progress)] == ["b.png", "linked/faces/a.png"]
    with pytest.raises(UserError, match=r"2 files .*: lost.png \(No such file or directory\), self.png \(Too"):
        files.settle("error", progress)


def test_a_pipe_is_not_waited_for(tmp_path, progress):
    os.mkfifo(tmp_path / "a.png")
    files = ImageFiles(tmp_path)
    assert list(files.read(files.members, progress)) == []
    with pytest.raises(UserError, match=r"a.png \(no regular file\)"):
        files.settle("error", progress)


def test_a_file_that_no_memory_holds_is_not_read(tmp_path, progress):
    with (tmp_path / "a.tif").open("wb") as file:
        file.truncate(2**40)  # and takes no room
    files = ImageFiles(tmp_path)
    files.fingerprint()
    assert list(files.read(files.members, progress)) == []
    with pytest.raises(UserError, match=r"a.tif \(1,099,511,627,776 bytes are more than 536,870,912\)"):
        files.settle("error", progress)


def test_all_unreadable_files_are_named_in_their_order(tmp_path, capsys):
    contents = {"a.png": b"", "b.png": png(7), "c.png": b"text", "d\n.png": png()[:40]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = ImageFiles(tmp_path)
    progress = Progress("reading", 4, "images")
    ((name, image),) = files.read(files.members, progress)
    assert name == "b.png"
    np.testing.assert_array_equal(image, np.full((2, 3, 3), 7))
    with pytest.raises(UserError) as error:
        files.settle("error", progress)
    reasons = r"a.png (empty file), c.png (no image of a known format), 'd\n.png' ("
    assert f"{tmp_path}: 3 files are not readable images: {reasons}" in str(error.value)
    assert "data.unreadable=skip" in str(error.value)
    files.settle("skip", progress)
    assert f"left out of {tmp_path}: 3 files" in capsys.readouterr().out


def test_names_that_are_no_text(tmp_path, progress):
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb") as file:
        file.write(b"")
    files = ImageFiles(tmp_path)
    files.fingerprint()
    assert list(files.read(files.members, progress)) == []
    with pytest.raises(UserError, match=r"'\\udcff.png' \(empty file\)"):
        files.settle("error", progress)


def test_work_in_threads_runs_only_a_few_items_ahead():
    started = []
    results = in_order(lambda item: started.append(item) or item, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(started) < 100
    assert list(results) == list(range(3, 1000))
