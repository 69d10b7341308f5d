//! Crates import only downwards, and what stands for one layer is named by that layer alone.

use crate::{Fault, assert_none, tree};

/// Which crates of the house each may import. `ARCHITECTURE.md` draws the same picture.
const HOUSE: &[(&str, &[&str])] = &[
    ("vitte-fibers", &[]),
    ("vitte-wait", &[]),
    ("vitte-scheduler", &["vitte-fibers", "vitte-wait"]),
    ("vitte-channels", &["vitte-wait"]),
    ("vitte-sync", &["vitte-wait"]),
    ("vitte-io", &["vitte-scheduler", "vitte-wait"]),
    (
        "vitte-threads",
        &[
            "vitte-scheduler",
            "vitte-channels",
            "vitte-sync",
            "vitte-io",
            "vitte-wait",
        ],
    ),
    (
        "vitte-ffi",
        &[
            "vitte-threads",
            "vitte-scheduler",
            "vitte-channels",
            "vitte-sync",
            "vitte-wait",
        ],
    ),
    ("vitte-cli", &["vitte-ffi"]),
    ("vitte-http", &["vitte-threads"]),
];

/// These stand on top of everything.
const ONLOOKERS: &[&str] = &["vitte-tests", "vitte-bench"];

/// What comes from outside and stands for one layer: who may import it, and why nobody else.
const OUTSIDE: &[(&str, &[&str], &str)] = &[
    ("corosensei", &["vitte-fibers"], "the switch has one home"),
    (
        "parking_lot",
        &["vitte-fibers", "vitte-wait", "vitte-bench"],
        "locks come through the facade; fibers lies beside it and uses the lock for its pool",
    ),
    (
        "crossbeam-deque",
        &["vitte-scheduler"],
        "queues of tasks are the scheduler's",
    ),
    ("mlua", &["vitte-cli"], "Lua is one host of many"),
    (
        "loom",
        &[
            "vitte-wait",
            "vitte-channels",
            "vitte-sync",
            "vitte-scheduler",
        ],
        "models are of the layers that share memory",
    ),
    (
        "shuttle",
        &[
            "vitte-wait",
            "vitte-channels",
            "vitte-sync",
            "vitte-scheduler",
            "vitte-tests",
        ],
        "models are of the layers that share memory",
    ),
    (
        "tokio",
        &["vitte-bench", "vitte-tests", "vitte-threads"],
        "a rival, whose futures tests and an example run beside fibers",
    ),
    (
        "rayon",
        &["vitte-bench", "vitte-threads", "vitte-tests"],
        "a rival, whose code `compute` runs",
    ),
    ("may", &["vitte-bench"], "a rival"),
    ("kanal", &["vitte-bench"], "a rival"),
    ("flume", &["vitte-bench"], "a rival"),
    ("crossbeam-channel", &["vitte-bench"], "a rival"),
];

struct Import {
    line: usize,
    name: String,
    is_shared: bool,
}

/// The crate's name, and what it depends on in whatever way.
fn read(manifest: &str) -> (String, Vec<Import>) {
    let (mut section, mut name, mut imports) = (String::new(), String::new(), Vec::new());
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            header.trim_end_matches(']').clone_into(&mut section);
            // A table of its own: `[dependencies.x]`.
            if let Some((_, import)) = section.split_once("dependencies.") {
                let name = import.trim_matches('"').to_owned();
                imports.push(Import {
                    line: number + 1,
                    name,
                    is_shared: false,
                });
            }
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let key = key.trim();
            if section == "package" && key == "name" {
                value.trim().trim_matches('"').clone_into(&mut name);
            } else if section.ends_with("dependencies") {
                let is_shared = key.ends_with(".workspace") || value.contains("workspace = true");
                let name = key
                    .split('.')
                    .next()
                    .unwrap_or(key)
                    .trim_matches('"')
                    .to_owned();
                imports.push(Import {
                    line: number + 1,
                    name,
                    is_shared,
                });
            }
        }
    }
    (name, imports)
}

fn check(path: &str, manifest: &str, faults: &mut Vec<Fault>) {
    let (name, imports) = read(manifest);
    let allowed = HOUSE
        .iter()
        .find(|(of, _)| *of == name)
        .map(|(_, allowed)| *allowed);
    let is_onlooker = ONLOOKERS.contains(&name.as_str());
    if allowed.is_none() && !is_onlooker {
        faults.push(Fault::new(
            path,
            0,
            format!("nobody has decided what {name} may import"),
        ));
    }
    for Import {
        line,
        name: import,
        is_shared,
    } in imports
    {
        if !is_shared {
            let what = format!("{import} states a version of its own, not the workspace's");
            faults.push(Fault::new(path, line, what));
        }
        let is_ours = import.starts_with("vitte-");
        if is_ours
            && !is_onlooker
            && !allowed.is_some_and(|allowed| allowed.contains(&import.as_str()))
        {
            faults.push(Fault::new(
                path,
                line,
                format!("{name} must not know {import}"),
            ));
        }
        for (outside, homes, why) in OUTSIDE {
            if import == *outside && !homes.contains(&name.as_str()) {
                faults.push(Fault::new(
                    path,
                    line,
                    format!("{name} must not import {import}: {why}"),
                ));
            }
        }
    }
}

#[test]
fn an_import_upwards_is_noticed_in_every_kind_of_section() {
    let faults = |name: &str, rest: &str| {
        let mut faults = Vec::new();
        check(
            "Cargo.toml",
            &format!("[package]\nname = \"{name}\"\n{rest}"),
            &mut faults,
        );
        faults
            .into_iter()
            .map(|fault| fault.what)
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(
        faults(
            "vitte-channels",
            "[dependencies]\nvitte-wait.workspace = true\n"
        ),
        none
    );
    assert_eq!(
        faults(
            "vitte-channels",
            "[dependencies]\nvitte-scheduler.workspace = true\n"
        ),
        ["vitte-channels must not know vitte-scheduler"]
    );
    assert_eq!(
        faults(
            "vitte-wait",
            "[target.\"cfg(loom)\".dev-dependencies]\nvitte-fibers = { workspace = true }\n"
        ),
        ["vitte-wait must not know vitte-fibers"]
    );
    assert_eq!(
        faults(
            "vitte-scheduler",
            "[dependencies]\ncorosensei.workspace = true\n"
        ),
        ["vitte-scheduler must not import corosensei: the switch has one home"]
    );
    assert_eq!(
        faults("vitte-fibers", "[dependencies]\nlibc = \"0.2\"\n"),
        ["libc states a version of its own, not the workspace's"]
    );
    assert_eq!(
        faults("vitte-new", ""),
        ["nobody has decided what vitte-new may import"]
    );
    assert_eq!(
        faults(
            "vitte-tests",
            "[dependencies]\nvitte-ffi.workspace = true\n"
        ),
        none
    );
}

#[test]
fn crates_import_only_downwards() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for file in tree::files() {
        if file.path.ends_with("/Cargo.toml") {
            check(&file.path, &file.text, &mut faults);
            seen += 1;
        }
    }
    assert!(seen >= HOUSE.len(), "only {seen} manifests were found");
    assert_none(&faults);
}
