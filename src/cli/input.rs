//! Files that commands read; `-` is standard input.

use std::io::{self, Read};
use std::path::Path;

use super::Error;

/// The whole of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    if path == Path::new("-") {
        let mut content = Vec::new();
        return io::stdin().lock().read_to_end(&mut content).map(|_| content).map_err(Error::Input);
    }
    std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// What a file is called in an error.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
