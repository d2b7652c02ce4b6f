# SPDX-License-Identifier: GPL-2.0-or-later
"""What the VMs of the tests boot: the kernel of Debian's installer, and a part of its initrd.

The whole initrd is 130 MiB in memory, which an emulated processor takes most of a minute to unpack;
so the small one has of it only busybox, the C library and the drivers of network cards, each as
Debian has built it, and guest-init in front. For the same reason the kernel is unpacked here.
"""
import functools
import gzip
import hashlib
import lzma
import pathlib
import re
import stat

from support.compile import FOLDER

PACKAGE = "debian-installer-12-netboot-amd64"
_NETBOOT = pathlib.Path("/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64")
KERNEL, INITRD = _NETBOOT / "linux", _NETBOOT / "initrd.gz"
GUEST_INIT = pathlib.Path(__file__).with_name("guest-init")

_DRIVERS = ("virtio_pci", "virtio_net", "e1000", "8139cp")
_WANTED = re.compile(r"(bin|sbin|usr/bin|usr/sbin|lib|lib64|usr|usr/lib|dev|etc|proc|sys|run|tmp|var"
                     r"|media|mnt|lib/x86_64-linux-gnu|bin/busybox|etc/udhcpc(/.*)?"
                     r"|lib(64)?(/x86_64-linux-gnu)?/(ld-linux|libc\.|libnss|libresolv).*)")
_DEPENDS = re.compile(rb"depends=([^\0]*)\0")
_XZ_MAGIC = b"\xfd7zXZ\0"
_FIELDS = 13  # of eight hexadecimal digits, after the magic number


def is_installed():
    return KERNEL.exists() and INITRD.exists()


def small_kernel():
    """The path of the kernel as an ELF file: QEMU enters it at once, by its PVH note."""
    return _made("vmlinux", KERNEL, _unpack_kernel)


def small_initrd():
    """The path of a cpio archive of about 4 MiB."""
    return _made("small.cpio", INITRD, _pick)


def appendix():
    """The path of an archive to be put behind the whole initrd: guest-init alone."""
    return _made("appendix.cpio", GUEST_INIT, lambda init: _Archive().add_init(init).bytes())


def unpack(folder):
    """The small initrd as a tree, for a container to have as its root."""
    for name, mode, content, _ in _entries(small_initrd().read_bytes()):
        path = pathlib.Path(folder) / name
        if stat.S_ISDIR(mode):
            path.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(mode):
            path.symlink_to(content.decode())
        elif stat.S_ISREG(mode):
            path.write_bytes(content)
            path.chmod(stat.S_IMODE(mode))


def _made(name, source, make):
    """One file for each state of what it is made from; earlier ones go."""
    state = hashlib.sha256()
    for path in (source, GUEST_INIT, pathlib.Path(__file__)):
        about = path.stat()
        state.update(f"{path} {about.st_size} {about.st_mtime_ns}".encode())
    path = FOLDER / f"{state.hexdigest()[:16]}-{name}"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob(f"*-{name}"):
            old.unlink()
        half = path.with_suffix(".half")
        half.write_bytes(make(source.read_bytes()))
        half.rename(path)
    return path


def _unpack_kernel(image):
    """The boot protocol puts a stub in front of what is packed."""
    return lzma.LZMADecompressor().decompress(image[image.index(_XZ_MAGIC):])


class _Archive:
    """cpio, as the kernel takes it (Documentation/driver-api/early-userspace/buffer-format)."""

    def __init__(self):
        self._out = bytearray()
        self._count = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self._count += 1
        fields = (self._count, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (head + name.encode() + b"\0", content):
            self._out += part + bytes(-len(part) % 4)
        return self

    def add_init(self, init):
        return self.add("guest-init", stat.S_IFREG | 0o755, init)

    def bytes(self):
        return bytes(self.add("TRAILER!!!", 0)._out)


def _entries(archive):
    """(name, mode, content, device) of each."""
    at = 0
    while True:
        fields = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(_FIELDS)]
        mode, size, device, name_len = fields[1], fields[6], tuple(fields[9:11]), fields[11]
        name = archive[at + 110:at + 110 + name_len - 1].decode()
        if name == "TRAILER!!!":
            return
        at = (at + 110 + name_len + 3) // 4 * 4
        yield name, mode, archive[at:at + size], device
        at = (at + size + 3) // 4 * 4


def _modules(files):
    """Names of the drivers and of what they depend on, in the order of loading."""
    paths = {pathlib.PurePath(name).stem: name for name in files if name.endswith(".ko")}

    @functools.cache
    def need(module):
        depends = _DEPENDS.search(files[paths[module]][1])[1].decode()
        before = [path for name in depends.split(",") if name for path in need(name)]
        return [*before, paths[module]]
    return dict.fromkeys(path for driver in _DRIVERS for path in need(driver))


def _pick(initrd):
    files = {name: (mode, content, device)
             for name, mode, content, device in _entries(gzip.decompress(initrd))}
    archive = _Archive()
    for name, (mode, content, device) in files.items():
        is_applet = stat.S_ISLNK(mode) and content.endswith(b"busybox")
        if is_applet or _WANTED.fullmatch(name):
            archive.add(name, mode, content, device)
    archive.add("modules", stat.S_IFDIR | 0o755)
    for i, path in enumerate(_modules(files)):
        archive.add(f"modules/{i:02}-{pathlib.PurePath(path).name}", *files[path][:2])
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    return archive.add_init(GUEST_INIT.read_bytes()).bytes()
