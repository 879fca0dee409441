//! Many objects written at once: as one pack with its index instead of a file for each.
//!
//! The formats are those of gitformat-pack(5): a pack of version 2 without deltas (a header, each object compressed by
//! zlib, RFC 1950, behind its kind and size, and the SHA-1 of all that), and an index of version 2. Objects are compressed
//! on all processors, and named as they are written, so that nobody has to go through the pack again to find out what is
//! in it. Whoever reads one compares it with its name.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use sha1::{Digest as _, Sha1};

use crate::object::{Kind, Oid};
use crate::parallel;

/// So many bytes wait to be written.
const AT_ONCE: usize = 16 << 20;

/// An offset from here on is in a table of its own: the top bit of the others says so.
const FAR: u64 = 1 << 31;

/// An object as the index lists it.
struct Listed {
    id: Oid,
    /// Of the compressed object with its header.
    crc: u32,
    offset: u64,
}

/// Puts a pack of these objects into the folder `objects/pack` of a repository, with its index. They may be there already.
///
/// # Errors
/// As the disk; [`io::ErrorKind::InvalidInput`] where there are more than four billion.
pub fn write(folder: &Path, objects: &[(Kind, Arc<[u8]>)]) -> Result<(), io::Error> {
    fs::create_dir_all(folder)?;
    // Names by which git's own housekeeping knows what a crash left.
    let scratch = |kind: &str| tempfile::Builder::new().prefix(&format!("tmp_{kind}_")).tempfile_in(folder);
    let (pack, index) = (scratch("pack")?, scratch("idx")?);
    let (mut listed, checksum) = write_pack(pack.as_file(), &once(objects))?;
    listed.sort_unstable_by_key(|listed| listed.id);
    write_index(index.as_file(), &listed, &checksum)?;
    let name = format!("pack-{}", hex::encode(checksum));
    // The index last: a pack without one is not looked at.
    for (file, extension) in [(pack, "pack"), (index, "idx")] {
        file.as_file().set_permissions(Permissions::from_mode(0o444))?;
        file.persist(folder.join(format!("{name}.{extension}")))?;
    }
    Ok(())
}

/// An object with its name.
type Named<'o> = (Oid, Kind, &'o [u8]);

/// Each of these objects once: an index that lists fewer than the pack has is refused by git.
fn once(objects: &[(Kind, Arc<[u8]>)]) -> Vec<Named<'_>> {
    let mut known = HashSet::with_capacity(objects.len());
    let ids = parallel::map(objects, |(kind, bytes)| Oid::of(*kind, bytes));
    let named = ids.into_iter().zip(objects).map(|(id, (kind, bytes))| (id, *kind, &**bytes));
    named.filter(|(id, ..)| known.insert(*id)).collect()
}

fn write_pack(to: &File, objects: &[Named<'_>]) -> Result<(Vec<Listed>, [u8; 20]), io::Error> {
    let count = u32::try_from(objects.len()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut to = Hashed::new(to);
    to.write_all(b"PACK")?;
    to.write_all(&2_u32.to_be_bytes())?;
    to.write_all(&count.to_be_bytes())?;
    let mut listed = Vec::with_capacity(objects.len());
    let mut rest = objects;
    while !rest.is_empty() {
        let mut size = 0;
        let few = rest.iter().take_while(|(.., bytes)| {
            let fits = size < AT_ONCE;
            size += bytes.len();
            fits
        });
        let (some, after) = rest.split_at(few.count());
        for (packed, (id, ..)) in parallel::map(some, |(_, kind, bytes)| Packed::of(*kind, bytes)).into_iter().zip(some)
        {
            let Packed { bytes, crc } = packed?;
            listed.push(Listed { id: *id, crc, offset: to.written });
            to.write_all(&bytes)?;
        }
        rest = after;
    }
    Ok((listed, to.finish()?))
}

/// The index: how many names begin with each byte or a lower one, the names in order, the check sums, where each object
/// is, and the SHA-1 of the pack and of all that.
fn write_index(to: &File, listed: &[Listed], pack: &[u8; 20]) -> Result<(), io::Error> {
    let mut to = Hashed::new(to);
    to.write_all(b"\xfftOc")?;
    to.write_all(&2_u32.to_be_bytes())?;
    for first in 0..=u8::MAX {
        let up_to = listed.partition_point(|listed| listed.id.as_bytes()[0] <= first);
        to.write_all(&u32::try_from(up_to).unwrap_or(u32::MAX).to_be_bytes())?;
    }
    for listed in listed {
        to.write_all(listed.id.as_bytes())?;
    }
    for listed in listed {
        to.write_all(&listed.crc.to_be_bytes())?;
    }
    let mut far = Vec::new();
    for Listed { offset, .. } in listed {
        let near = u32::try_from(*offset).ok().filter(|_| *offset < FAR);
        let number = near.unwrap_or_else(|| {
            far.push(*offset);
            // Fewer than there are objects.
            1 << 31 | u32::try_from(far.len() - 1).unwrap_or_default()
        });
        to.write_all(&number.to_be_bytes())?;
    }
    for offset in far {
        to.write_all(&offset.to_be_bytes())?;
    }
    to.write_all(pack)?;
    to.finish()?;
    Ok(())
}

/// An object as it is in a pack.
struct Packed {
    bytes: Vec<u8>,
    crc: u32,
}

impl Packed {
    fn of(kind: Kind, bytes: &[u8]) -> Result<Self, io::Error> {
        let mut zlib = ZlibEncoder::new(header(kind, bytes.len()), Compression::fast());
        zlib.write_all(bytes)?;
        let packed = zlib.finish()?;
        let mut crc = Crc::new();
        crc.update(&packed);
        Ok(Self { crc: crc.sum(), bytes: packed })
    }
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

/// What goes through is hashed and counted.
struct Hashed<W: Write> {
    to: BufWriter<W>,
    hash: Sha1,
    written: u64,
}

impl<W: Write> Hashed<W> {
    fn new(to: W) -> Self {
        Self { to: BufWriter::new(to), hash: Sha1::new(), written: 0 }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    /// The SHA-1 of everything, which is written behind it.
    fn finish(mut self) -> io::Result<[u8; 20]> {
        let hash: [u8; 20] = self.hash.finalize().into();
        self.to.write_all(&hash)?;
        self.to.flush()?;
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Folder;

    /// Sizes around those at which the header grows by a byte.
    const SIZES: [usize; 9] = [0, 1, 15, 16, 17, 2047, 2048, 2049, 300_000];

    fn objects() -> Vec<(Kind, Arc<[u8]>)> {
        let blob = |size: &usize| (Kind::Blob, (0..*size).map(|at| (at % 251) as u8).collect());
        let mut objects: Vec<(Kind, Arc<[u8]>)> = SIZES.iter().map(blob).collect();
        let tree = [b"100644 x\0".as_slice(), Oid::of(Kind::Blob, b"").as_bytes()].concat();
        objects.push((Kind::Tree, tree.into()));
        objects
    }

    #[test]
    fn git_takes_it_and_finds_every_object_in_it() {
        let folder = Folder::new();
        folder.git(".", &["init", "--quiet", "--bare", "store.git"]);
        let mut twice = objects();
        twice.push(twice[3].clone());
        for objects in [objects(), twice] {
            write(&folder.at("store.git/objects/pack"), &objects).expect("written");
            // The same again changes nothing.
            write(&folder.at("store.git/objects/pack"), &objects).expect("written");
            for (kind, bytes) in objects {
                let id = Oid::of(kind, &bytes).to_string();
                assert_eq!(folder.git("store.git", &["cat-file", "-s", &id]), bytes.len().to_string());
                assert_eq!(folder.git("store.git", &["cat-file", "-t", &id]), kind.name());
            }
        }
        folder.git("store.git", &["fsck", "--full", "--strict"]);
    }

    #[test]
    fn the_index_is_the_one_that_git_makes() {
        let folder = Folder::new();
        folder.git(".", &["init", "--quiet", "--bare", "store.git"]);
        let packs = folder.at("store.git/objects/pack");
        write(&packs, &objects()).expect("written");
        let pack = fs::read_dir(&packs).unwrap().map(|file| file.unwrap().path());
        let pack = pack.into_iter().find(|path| path.extension().is_some_and(|it| it == "pack")).unwrap();
        let again = folder.at("again.idx");
        let (again, pack) = (again.to_str().unwrap(), pack.to_str().unwrap());
        folder.git("store.git", &["index-pack", "--strict", "-o", again, pack]);
        assert_eq!(fs::read(again).unwrap(), fs::read(Path::new(pack).with_extension("idx")).unwrap());
        assert_eq!(fs::read_dir(&packs).unwrap().count(), 2);
    }

    #[test]
    fn offsets_that_are_far_are_in_a_table_of_their_own() {
        let file = tempfile::tempfile().unwrap();
        let listed = |first: u8, offset: u64| {
            let id = Oid::from_bytes(std::array::from_fn(|_| first));
            Listed { id, crc: 0, offset }
        };
        write_index(&file, &[listed(1, 12), listed(2, FAR), listed(3, FAR - 1), listed(4, FAR + 5)], &[0; 20]).unwrap();
        let mut bytes = Vec::new();
        io::Seek::rewind(&mut &file).unwrap();
        io::Read::read_to_end(&mut &file, &mut bytes).unwrap();
        let offsets = 8 + 256 * 4 + 4 * 20 + 4 * 4;
        let four = |at: usize| u32::from_be_bytes(bytes[offsets + 4 * at..][..4].try_into().unwrap());
        assert_eq!([four(0), four(1), four(2), four(3)], [12, 1 << 31, u32::MAX >> 1, 1 << 31 | 1]);
        let eight = |at: usize| u64::from_be_bytes(bytes[offsets + 16 + 8 * at..][..8].try_into().unwrap());
        assert_eq!([eight(0), eight(1)], [FAR, FAR + 5]);
        assert_eq!(bytes.len(), offsets + 16 + 16 + 40);
    }
}
