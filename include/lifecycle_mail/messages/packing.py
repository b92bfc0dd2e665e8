"""How the personal part of a mail is kept: JSON, compressed against the slots of its shell's sample recipient.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Slots are mostly the same markup with a few words between. Against a sample they shrink to about a twentieth, in a
tenth of the time that PostgreSQL would take to parse, compress and log the plain text. The dictionary is a column of
message.shell and has no person's data.
"""

from functools import lru_cache

import orjson
import zstandard

from lifecycle_mail.errors import TemplateError

LEVEL = -1  # half the time of level 1, for results that are 3 % larger
TYPICAL_BYTES = 4096


class SlotPacker:
    """Packs and unpacks the slots of one shell; not to be shared between threads."""

    def __init__(self, dictionary: bytes) -> None:
        # Tables for texts of this size. Tables for large files cost more to clear than the text costs to compress.
        small = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, source_size=TYPICAL_BYTES, dict_size=len(dictionary), write_content_size=1
        )
        kept = None
        if dictionary:
            kept = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            kept.precompute_compress(compression_params=small)
        self._compressor = zstandard.ZstdCompressor(compression_params=small, dict_data=kept)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=kept)

    def pack(self, slots: bytes) -> bytes:
        """Return slots, given as JSON of token → text, in the form of message.message.slots.

        The result is copied, because the compressor's own buffer has room for the unpacked text.
        """
        return bytes(memoryview(self._compressor.compress(slots)))

    def unpack(self, packed: bytes) -> dict[str, str]:
        """Return the slots of a row; also reads plain JSON, which rows of earlier versions have.

        Raises TemplateError if they were packed for another shell.
        """
        try:
            plain = packed if packed[:1] == b"{" else self._decompressor.decompress(packed)
            return dict(orjson.loads(plain))
        except (zstandard.ZstdError, orjson.JSONDecodeError):
            raise TemplateError(
                "the kept slots do not belong to this shell; read them with the row's shell_id"
            ) from None


@lru_cache(maxsize=64)
def packer(dictionary: bytes) -> SlotPacker:
    """Return the packer of a shell's `slots_dictionary` (empty: without one)."""
    return SlotPacker(dictionary)
