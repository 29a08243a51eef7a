# SPDX-License-Identifier: MIT
"""An initramfs: a cpio archive in the format "newc"."""

import os
import stat


class Archive:
    """Writes each entry at once, with the missing directories of its path."""

    def __init__(self, file):
        self.file = file
        self.inode = 0
        self.directories = {""}

    def directory(self, path):
        path = path.strip("/")
        if path not in self.directories:
            self.directory(os.path.dirname(path))
            self.directories.add(path)
            self._entry(path, stat.S_IFDIR | 0o755)

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def write(self, path, data, mode=0o644, time=1):
        """time: in seconds. Mesa rejects files of 1970-01-01 00:00:00."""
        self.directory(os.path.dirname(path))
        self._entry(
            path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data, time=time
        )

    def copy(self, path, source):
        """Copies a file's contents, mode and time. Follows symbolic links."""
        with open(source, "rb") as file:
            status = os.stat(file.fileno())
            self.write(path, file.read(), status.st_mode & 0o777, int(status.st_mtime))

    def device(self, path, major, minor):
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self):
        self._entry("TRAILER!!!", 0)

    def _entry(self, path, mode, data=b"", time=1, device=(0, 0)):
        name = path.strip("/").encode() + b"\0"
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, time, len(data), 0, 0, *device, len(name), 0)
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
        self._padded(data)

    def _padded(self, data):
        self.file.write(data + bytes(-len(data) % 4))
