"""A whole set of the cache, read into memory: what other sets are made of."""

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.manifest import MANIFEST_NAME, read_manifest
from mnistnn.data.datasets.verified import open_verified
from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, image_set_from_files
from mnistnn.storage.reading import data_error


def read_stored(name: str) -> ImageSet:
    """Return a set of the cache, after every byte of it was checked; its validation images end its training images.

    Raises DataError, with the remedy, for a missing or altered one.
    """
    folder = cache.set_folder(name)
    manifest = read_manifest(folder)
    cache.check_pinned(manifest, str(folder / MANIFEST_NAME))
    arrays = {}
    for file_name in FILE_NAMES:
        path = folder / file_name
        with open_verified(path, manifest.files[file_name]) as file:
            try:
                file.seek(0)
                content = file.read()
            except OSError as error:
                raise data_error(path, error) from error
        arrays[file_name] = decode_idx(content, str(path))
    return image_set_from_files(arrays, str(folder))
