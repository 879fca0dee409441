//! A flat list of files as the folders it stands for.

use std::collections::BTreeMap;

use crate::revision::InputFile;

/// What a folder holds, by name.
pub(super) type Folder<'a> = BTreeMap<&'a str, Node<'a>>;

/// One thing in a folder.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// A file.
    File(&'a InputFile),
    /// A folder; never empty, since git knows no empty ones.
    Folder(Folder<'a>),
}

/// The folders of these files, whose paths were checked when they became a source.
pub(super) fn folders(files: &[InputFile]) -> Folder<'_> {
    let mut root = Folder::new();
    for file in files {
        put(&mut root, &file.path, file);
    }
    root
}

// A file where a folder is needed cannot occur: `check_source` refuses it, as git does.
fn put<'a>(into: &mut Folder<'a>, path: &'a str, file: &'a InputFile) {
    let Some((name, below)) = path.split_once('/') else {
        into.insert(path, Node::File(file));
        return;
    };
    if let Node::Folder(inner) = into.entry(name).or_insert_with(|| Node::Folder(Folder::new())) {
        put(inner, below, file);
    }
}
