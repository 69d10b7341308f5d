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
const INSTALLED: &str = "tokio,rayon,may,kanal,crossbeam-channel,flume,std,rtrb,parking_lot";

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
fn a_table_of_goals_is_made_from_what_was_written() {
    let file = std::env::temp_dir().join(format!("vitte-goals-{}.json", std::process::id()));
    let path = file.to_str().expect("a path of plain characters");
    let chosen = [
        "--only",
        "mutex",
        "--subjects",
        "parking_lot",
        "--json",
        path,
    ];
    let measured = bench(&[&["--quick", "--rounds", "1"][..], &chosen[..]].concat());
    let goals = bench(&["--goals", path]);
    let _ = std::fs::remove_file(&file);
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    assert!(goals.status.success(), "{}", text(&goals.stderr));
    let table = text(&goals.stdout);
    let row = table.lines().find(|line| line.starts_with("| `mutex` "));
    let cells: Vec<&str> = row.expect("a row").split('|').map(str::trim).collect();
    assert_eq!(
        cells[1..5],
        ["`mutex`", "1", "not measured yet", "parking_lot"]
    );
    assert!(cells[5].ends_with(" ns"), "{table}");
    assert_eq!(cells[6..8], ["", "1.05"]);
}

#[test]
fn a_missing_report_is_named() {
    let output = bench(&["--goals", "no/such/file.json"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("no/such/file.json"));
}

#[test]
fn an_unknown_workload_is_refused_by_name() {
    let output = bench(&["--only", "yeild"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("no workload yeild"));
}
