//! C and C++ programs that use the library as an embedder would: built by the system's compilers,
//! linked statically and dynamically, and run.

mod tool;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put `libvitte.a` and `libvitte.so`: this test needs the library, so they were
/// made with it, and lie beside this test.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.parent().expect("in a folder").to_owned()
}

/// What the pkg-config file says a static program needs besides.
fn system_libraries() -> Vec<String> {
    let template = fs::read_to_string(root().join("vitte.pc.in")).expect("the template");
    let line = template
        .lines()
        .find_map(|line| line.strip_prefix("Libs.private:"));
    line.expect("it says")
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// Compiles `source`, links it in both ways, runs both, and returns what they print.
fn build_and_run(source: &Path, name: &str) -> [String; 2] {
    let cpp = source
        .extension()
        .is_some_and(|extension| extension == "cpp");
    let (compiler, standard) = if cpp { ("c++", "c++17") } else { ("cc", "c11") };
    let object = tool::scratch(&format!("{name}.o"));
    let mut compile = tool::compiler(compiler, standard);
    compile.arg("-I").arg(root().join("tests/c"));
    tool::run(compile.arg("-c").arg(source).arg("-o").arg(&object));

    let libraries = libraries();
    let fixed = tool::scratch(&format!("{name}-static"));
    let mut link = tool::compiler(compiler, standard);
    link.arg(&object)
        .arg(libraries.join("libvitte.a"))
        .args(system_libraries());
    tool::run(link.arg("-o").arg(&fixed));

    let shared = tool::scratch(&format!("{name}-shared"));
    let mut link = tool::compiler(compiler, standard);
    link.arg(&object)
        .arg("-L")
        .arg(&libraries)
        .arg("-lvitte")
        .arg("-lpthread");
    link.arg(format!("-Wl,-rpath,{}", libraries.display()));
    tool::run(link.arg("-o").arg(&shared));

    // Cargo's search path may lead to an older library than the one it has just made beside this test.
    [fixed, shared].map(|program| tool::run(Command::new(program).env_remove("LD_LIBRARY_PATH")))
}

/// Runs a program of `tests/c`, which checks itself.
fn check(source: &str) {
    let path = root().join("tests/c").join(source);
    let name = source.replace('.', "-");
    assert_eq!(build_and_run(&path, &name), ["ok\n", "ok\n"]);
}

macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident: $source:literal),+ $(,)?) => {
        $(#[test] fn $name() { check($source); })+

        #[test]
        fn every_program_is_run() {
            let run = [$($source),+];
            for file in fs::read_dir(root().join("tests/c")).expect("tests/c") {
                let name = file.expect("an entry").file_name().into_string().expect("a name");
                let program = !name.ends_with(".h") && !name.starts_with("double_include");
                assert!(!program || run.contains(&name.as_str()), "{name} is not run");
            }
        }
    };
}

programs! {
    statuses_have_names: "status.c",
    the_clock_goes_on: "deadline.c",
    runtimes_start_and_end: "runtime.c",
    fibers_run: "fiber.c",
    fibers_are_joined: "join.c",
    fibers_park: "park.c",
    descriptors_are_waited_for: "fd.c",
    signal_handlers_unpark: "signal.c",
    turns_are_told: "hooks.c",
    threads_are_placed: "affinity.c",
    hosts_drive: "host.c",
    fibers_poll: "poll.c",
    native_regions_hold_nobody_up: "native.c",
    what_blocks_is_offloaded: "offload.c",
    threads_belong_to_runtimes: "thread.c",
    fibers_are_canceled: "cancel.c",
    members_end_before_their_groups: "group.c",
    fibers_put_off_calls: "defer.c",
    fibers_are_killed: "kill.c",
    fibers_are_interrupted: "interrupt.c",
    fibers_have_locals: "local.c",
    code_generators_are_told: "jit.c",
    channels_carry: "channel.c",
    broadcasts_reach_everybody: "broadcast.c",
    oneshots_carry_one: "oneshot.c",
    the_most_urgent_comes_first: "priority.c",
    pairs_keep_to_themselves: "spsc.c",
    timers_tick: "timer.c",
    the_first_of_several_goes: "select.c",
    cpp_selects: "select.cpp",
    mutexes_exclude: "mutex.c",
    conditions_wake: "cond.c",
    latches_open: "latch.c",
    wrong_arguments_give_statuses: "errors.c",
    every_function_says_what_is_wrong: "wrong.c",
    every_function_answers_wherever_it_is_called: "contexts.c",
    cpp_runs_on_fibers: "fiber.cpp",
}

#[test]
fn the_example_of_the_project_s_readme_greets() {
    let readme = fs::read_to_string(root().join("../README.md")).expect("README.md");
    let (_, rest) = readme.split_once("```c\n").expect("a C example");
    let (example, _) = rest.split_once("```\n").expect("that ends");
    let source = tool::scratch("greeting.c");
    fs::write(&source, example).expect("the scratch folder is writable");
    let greeting = "Hello from a fiber\n";
    assert_eq!(build_and_run(&source, "greeting"), [greeting, greeting]);
}

#[test]
fn the_threads_of_the_example_s_language_run_and_the_one_that_spins_is_stopped() {
    let printed = "15\nVT_ECANCELED\n";
    let source = root().join("../examples/vm.c");
    assert_eq!(build_and_run(&source, "vm"), [printed, printed]);
}

#[test]
fn the_example_of_the_readme_does_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once("```c\n").expect("a C example");
    let (example, rest) = rest.split_once("```\n").expect("that ends");
    let (_, rest) = rest.split_once("```text\n").expect("and its output");
    let (output, _) = rest.split_once("```\n").expect("that ends");
    let source = tool::scratch("readme.c");
    fs::write(&source, example).expect("the scratch folder is writable");
    assert_eq!(build_and_run(&source, "readme"), [output, output]);
}

#[test]
fn the_shared_library_exports_the_header_and_nothing_else() {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only"])
        .arg(libraries().join("libvitte.so"));
    let symbols = tool::run(&mut nm);
    let header = fs::read_to_string(root().join("include/vitte.h")).expect("the header");
    let names = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    let foreign = |name: &&str| !header.contains(&format!("{name}("));
    let foreign: Vec<_> = names.filter(foreign).collect();
    assert!(
        foreign.is_empty(),
        "exported, but not in the header: {foreign:?}"
    );
}
