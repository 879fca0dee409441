//! Many objects written at once: as one pack instead of a file for each.
//!
//! The format is that of gitformat-pack(5), version 2, without deltas: a header, each object compressed by zlib (RFC 1950)
//! behind its kind and size, and the SHA-1 of all that. Whoever stores it names and checks the objects itself.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1::{Digest as _, Sha1};

use crate::object::Kind;

/// Writes a pack of these objects.
///
/// # Errors
/// As what it is written to; [`io::ErrorKind::InvalidInput`] where there are more than four billion.
pub fn write<'b>(
    to: &mut dyn Write,
    objects: impl ExactSizeIterator<Item = (Kind, &'b [u8])>,
) -> Result<(), io::Error> {
    let count = u32::try_from(objects.len()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut to = Hashed { to, hash: Sha1::new() };
    to.write_all(b"PACK")?;
    to.write_all(&2_u32.to_be_bytes())?;
    to.write_all(&count.to_be_bytes())?;
    for (kind, bytes) in objects {
        let mut object = header(kind, bytes.len());
        let mut zlib = ZlibEncoder::new(&mut object, Compression::fast());
        zlib.write_all(bytes)?;
        zlib.finish()?;
        to.write_all(&object)?;
    }
    let Hashed { to, hash } = to;
    to.write_all(&hash.finalize())
}

/// The kind in three bits and the size in four, then seven for each byte, the lowest first; the top bit says that more
/// follows.
fn header(kind: Kind, size: usize) -> Vec<u8> {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
    };
    let low = |size: usize, bits: u32| u8::try_from(size & ((1 << bits) - 1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size / 2 + 32);
    let mut byte = kind << 4 | low(size, 4);
    let mut rest = size >> 4;
    while rest > 0 {
        bytes.push(byte | 0x80);
        byte = low(rest, 7);
        rest >>= 7;
    }
    bytes.push(byte);
    bytes
}

/// What goes through is hashed.
struct Hashed<'w> {
    to: &'w mut dyn Write,
    hash: Sha1,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::git::testing::Folder;
    use crate::object::Oid;

    #[test]
    fn git_takes_it_and_finds_every_object_in_it() {
        let folder = Folder::new();
        folder.git(".", &["init", "--quiet", "--bare", "store.git"]);
        // Sizes around those at which the header grows by a byte.
        let sizes = [0, 1, 15, 16, 17, 2047, 2048, 2049, 300_000];
        let blobs: Vec<Vec<u8>> = sizes.iter().map(|size| (0..*size).map(|at| (at % 251) as u8).collect()).collect();
        let tree = [b"100644 x\0".as_slice(), Oid::of(Kind::Blob, b"").as_bytes()].concat();
        let mut objects: Vec<(Kind, &[u8])> = blobs.iter().map(|blob| (Kind::Blob, blob.as_slice())).collect();
        objects.push((Kind::Tree, &tree));
        let mut pack = Vec::new();
        write(&mut pack, objects.iter().copied()).expect("written");
        fs::write(folder.at("store.git/objects/pack/pack-1.pack"), &pack).expect("a file");
        folder.git("store.git", &["index-pack", "--strict", "objects/pack/pack-1.pack"]);
        for (kind, bytes) in objects {
            let id = Oid::of(kind, bytes).to_string();
            assert_eq!(folder.git("store.git", &["cat-file", "-s", &id]), bytes.len().to_string());
            assert_eq!(folder.git("store.git", &["cat-file", "-t", &id]), kind.name());
        }
    }
}
