//! The files of the repository, as text.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// A file, its path relative to the root, with `/` between its parts.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is built only for tests, examples or measurements.
    pub(crate) fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests")
            || parts.contains(&"examples")
            || parts.contains(&"benches")
            || parts.last() == Some(&"tests.rs")
    }
}

pub(crate) fn root() -> PathBuf {
    // As it is when the test runs, not when it was built: the repository may have been moved.
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".to_owned());
    let root = Path::new(&here).join("..");
    root.canonicalize()
        .expect("the crate lies in the repository")
}

/// Every file that is text, but for what is built, and for the text of licences.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    assert!(
        files.iter().any(|file| file.path == "Cargo.toml"),
        "this is not the root: {}",
        root.display()
    );
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

pub(crate) fn rust_files() -> Vec<File> {
    let files: Vec<File> = files().into_iter().filter(File::is_rust).collect();
    assert!(
        files.len() > 50,
        "only {} Rust files were found",
        files.len()
    );
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(root, &path, files);
            }
        } else if !name.starts_with("LICENSE")
            && name != ".git"
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root).expect("it lies below the root");
            let path = path.to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}
