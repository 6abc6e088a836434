"""Zip archives that came from anywhere: checked as a whole before any member is read; nothing is unpacked to disk."""

import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

from jaxgan.data.decoding import Unreadable
from jaxgan.errors import UserError

MAX_MEMBER = 2**29  # bytes of one image, unpacked
MAX_TOTAL = 2**37  # bytes of all images, unpacked
BOMB_TOTAL = 2**30  # bytes from which on the ratio counts: small bombs do no harm
BOMB_RATIO = 200  # unpacked to packed; flat drawings without compression of their own reach 100
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound on their memory
ENCRYPTED = 1  # flag bit
KINDS = (0, stat.S_IFREG, stat.S_IFDIR)  # of file; 0 where the archive does not say


class Archive:
    """The members of a zip archive that are wanted, by name."""

    def __init__(self, path: Path, wanted: Callable[[str], bool], largest: int = MAX_MEMBER):
        """Raises UserError where it is no whole zip archive, or one that nobody should read.

        Args:
          path: of the file.
          wanted: tells by their names which members are read.
          largest: bytes of one of those, unpacked.
        """
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except PermissionError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); ask its owner, or copy it") from error
        except Exception as error:  # damaged directories make zipfile raise nearly anything
            raise UserError(
                f"{path} is no whole zip archive ({error}); fetch it again, or unpack it and give the folder"
            ) from error
        members = self._zip.infolist()
        self._members = {
            member.filename: member for member in members if wanted(member.filename) and not member.is_dir()
        }
        faults = (_fault(member, self._members.get(member.filename), largest) for member in members)
        fault = next(filter(None, faults), None) or self._bomb(members)
        if fault:
            raise UserError(f"{path} is refused: {fault}; get it from elsewhere, or unpack it and give the folder")

    def __iter__(self):
        return iter(self._members)

    def read(self, name: str) -> bytes:
        """Returns a member's content. Raises Unreadable where it is damaged."""
        member = self._members[name]
        try:
            with self._zip.open(member) as file:
                return file.read(member.file_size)  # with a bound, as the size can be a lie
        except MemoryError:
            raise
        except Exception as error:  # the same
            raise Unreadable(f"damaged in the archive: {error}") from error

    def _bomb(self, members: list[zipfile.ZipInfo]) -> str | None:
        packed = self._path.stat().st_size
        total = sum(member.file_size for member in self._members.values())
        if sum(member.compress_size for member in members) > packed:
            return "its members overlap, as a bomb's do"
        if total > MAX_TOTAL or (total > BOMB_TOTAL and total > BOMB_RATIO * packed):
            return f"its {packed / 2**20:,.1f} MiB unpack to {total / 2**30:,.1f} GiB, as a bomb's do"
        return None


def _fault(member: zipfile.ZipInfo, wanted: zipfile.ZipInfo | None, largest: int) -> str | None:
    """Says what is wrong with a member; `wanted` is the one of its name that is unpacked, if any is."""
    name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
    faults = {
        "has a null byte in its name": "\0" in name,
        "has an absolute path": name.startswith("/"),
        "has a drive's letter in its path": re.match("[A-Za-z]:", name),
        "has a backslash in its path": "\\" in name,
        "leads out of the archive": ".." in name.split("/"),
        "is a symbolic link": kind == stat.S_IFLNK,
        "is a device": kind not in (*KINDS, stat.S_IFLNK),
        "is encrypted": member.flag_bits & ENCRYPTED,
        "is there more than once": wanted and wanted is not member,
        "is packed by a method other than deflate": wanted and member.compress_type not in METHODS,
        f"unpacks to {member.file_size / 2**20:,.0f} MiB": wanted and member.file_size > largest,
    }
    return next((f"{shown(name)} {fault}" for fault, found in faults.items() if found), None)


def shown(name: str) -> str:
    """A file's name as it can be printed on one line."""
    return name if name.isprintable() else ascii(name)
