//! The committed header is the one that the source makes, says who may call what, and compiles
//! in every language it claims to be.

mod tool;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const EXPORT: &str = "#[unsafe(no_mangle)]";

/// The files of the source that may export, with their texts.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let files = fs::read_dir(root().join("src")).expect("src");
    let files = files.map(|file| file.expect("an entry").path());
    files.filter(|file| file.is_file()).map(|file| {
        let text = fs::read_to_string(&file).expect("source is text");
        (file, text)
    })
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_crate(root())
        .with_config(config)
        .generate()
        .expect("the crate parses");
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).expect("a header is text")
}

#[test]
fn the_committed_header_is_current() {
    let path = root().join("include/vitte.h");
    let generated = generated();
    if std::env::var_os("VITTE_BLESS").is_some() {
        fs::write(&path, generated).expect("the header can be written");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let same = committed
        .lines()
        .zip(generated.lines())
        .take_while(|(a, b)| a == b);
    assert!(
        committed == generated,
        "include/vitte.h is not what the source makes, from line {} on: look at the difference, \
         then run VITTE_BLESS=1 cargo test -p vitte-ffi --test header",
        same.count() + 1
    );
}

#[test]
fn every_function_says_who_may_call_it() {
    let header = generated();
    let mut comment = String::new();
    let mut seen = 0;
    for line in header.lines() {
        if line.is_empty() {
            comment.clear();
        }
        comment.push_str(line);
        let declares = line.contains(" vt_") || line.contains("*vt_");
        if declares
            && line.contains('(')
            && !line.starts_with([' ', '#', '/'])
            && !line.starts_with("typedef")
        {
            seen += 1;
            let said = ["`[any]`", "`[fib]`", "`[sig]`"]
                .iter()
                .any(|mark| comment.contains(mark));
            assert!(said, "no calling context at: {line}");
            comment.clear();
        }
    }
    let exported: usize = sources()
        .map(|(_, text)| text.matches(EXPORT).count())
        .sum();
    assert_eq!(
        seen,
        exported + 1,
        "each is declared once, and `vt_poll` is inline"
    );
}

#[test]
fn the_readme_lists_every_function() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let (_, list) = readme.split_once("## The functions").expect("a list");
    let (list, _) = list.split_once("\n## ").expect("that ends");
    for (_, text) in sources() {
        for item in text.split(EXPORT).skip(1) {
            let (_, name) = item.split_once("fn ").expect("a function is exported");
            let (name, _) = name.split_once('(').expect("with arguments");
            assert!(list.contains(&format!("`{name}`")), "{name} is not listed");
        }
    }
}

#[test]
fn the_header_compiles_as_c99_c11_and_cpp17_and_twice() {
    for (compiler, standard, source) in [
        ("cc", "c99", "tests/c/double_include_a.c"),
        ("cc", "c11", "tests/c/double_include_a.c"),
        ("cc", "c99", "tests/c/double_include_b.c"),
        ("cc", "c11", "tests/c/double_include_b.c"),
        ("c++", "c++17", "tests/c/double_include.cpp"),
    ] {
        let object = tool::scratch(&format!("{}-{standard}.o", source.replace('/', "-")));
        let mut command = tool::compiler(compiler, standard);
        command
            .arg("-c")
            .arg(root().join(source))
            .arg("-o")
            .arg(object);
        tool::run(&mut command);
    }
}

#[test]
fn every_file_of_the_source_that_exports_has_its_c_test() {
    for (file, text) in sources() {
        if text.contains(EXPORT) {
            let stem = file.file_stem().expect("a name");
            let test = root().join("tests/c").join(stem).with_extension("c");
            assert!(test.exists(), "{} is missing", test.display());
        }
    }
}
