//! The program as a whole: it runs cells in processes of their own and writes what it promises.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_vitte-bench");
    Command::new(program)
        .args(args)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every subject but Go, which need not be installed.
const INSTALLED: &str = "tokio,rayon,may,kanal,crossbeam-channel,flume,std,rtrb";

#[test]
fn every_rival_has_a_figure_in_the_list() {
    let file = std::env::temp_dir().join(format!("vitte-bench-{}.json", std::process::id()));
    let path = file.to_str().expect("a path of plain characters");
    let options = [
        "--quick",
        "--parked",
        "1000",
        "--rounds",
        "1",
        "--noise",
        "1e9",
        "--timeout",
        "300",
    ];
    let chosen = ["--subjects", INSTALLED, "--json", path];
    let output = bench(&[&options[..], &chosen[..]].concat());
    let list = std::fs::read_to_string(&file).expect("the list was written");
    let _ = std::fs::remove_file(&file);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );

    let list: Vec<Value> = serde_json::from_str(&list).expect("it is a list");
    let promised = bench(&["--list", "--subjects", INSTALLED]);
    let promised: Vec<String> = text(&promised.stdout)
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    let found: Vec<String> = list
        .iter()
        .map(|row| {
            let name = |key: &str| row[key].as_str().expect("a name").to_owned();
            format!(
                "{} {} {}",
                name("workload"),
                row["workers"],
                name("subject")
            )
        })
        .collect();
    assert_eq!(found, promised);
    for row in &list {
        assert!(
            row["median"].as_f64().is_some_and(|median| median > 0.0),
            "{row}"
        );
        assert_eq!(row["runs"], 1, "{row}");
    }
}

#[test]
fn an_unknown_workload_is_refused_by_name() {
    let output = bench(&["--only", "yeild"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("no workload yeild"));
}
