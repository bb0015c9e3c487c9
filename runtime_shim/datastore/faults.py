"""What goes wrong with a store, each as one sentence with its place and what to do."""

from __future__ import annotations

import errno

from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED


class DiskFull(StorageFailure):
    """No space, quota or file size left."""

    code = "R111"


class NotPermitted(StorageFailure):
    """The user may not read or write there."""

    code = "R112"
    exit_code = EXIT_DO_NOT_RETRY


class RootUnusable(StorageFailure):
    """The root of a local datastore is no folder."""

    code = "R113"
    exit_code = EXIT_DO_NOT_RETRY


class NoSuchBucket(StorageFailure):
    """The root of an S3 datastore names a bucket that is not there."""

    code = "R114"
    exit_code = EXIT_DO_NOT_RETRY


class AccessDenied(StorageFailure):
    """S3 refused who asked."""

    code = "R115"
    exit_code = EXIT_DO_NOT_RETRY


class NoCredentials(StorageFailure):
    """Nobody said who asks, or what was said is wrong or has expired."""

    code = "R116"


class Unreachable(StorageFailure):
    """No answer from the endpoint, or none but "slow down"."""

    code = "R117"


_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too big",
}
_ELSEWHERE = "name another place with --datastore-root or METAFLOW_DATASTORE_SYSROOT_LOCAL"
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def local_failure(error: OSError, root: str, doing: str) -> StorageFailure:
    """The failure for an error of the operating system; ``doing`` is what was tried: ``store `key```."""
    what = f"cannot {doing} in the local datastore {root}"
    if error.errno in _FULL:
        return DiskFull(
            f"{what}: {_FULL[error.errno]}",
            help=f"free some space, or {_ELSEWHERE}",
            exit_code=EXIT_RETRY_ALLOWED,
        )
    if error.errno in _DENIED:
        reason = "the file system is read-only" if error.errno == errno.EROFS else "permission denied"
        return NotPermitted(
            f"{what}: {reason}",
            help=f"give yourself access to it, or {_ELSEWHERE}",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return RootUnusable(
            f"{what}: a file is where a folder is needed, or the other way round",
            help="name a folder with --datastore-root or METAFLOW_DATASTORE_SYSROOT_LOCAL",
        )
    if error.errno == errno.ENAMETOOLONG:
        return StorageFailure(
            f"{what}: the name is too long for the file system",
            help="use shorter names, or a datastore in a folder with a shorter path",
            exit_code=EXIT_DO_NOT_RETRY,
        )
    return StorageFailure(f"{what}: {error.strerror or error}")
