//! What the command line takes, says and ends with.

use std::net::TcpListener;

use crate::program::{Program, corelane, say, written};

const NOTHING: &str = "listeners: [{address: 127.0.0.1:0}]\n";

#[test]
fn version_help_and_schema_go_to_standard_output() {
    let version = say(&["--version"]);
    assert_eq!(
        (version.code, &*version.out),
        (0, concat!("corelane ", env!("CARGO_PKG_VERSION")))
    );
    let help = say(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["demo", "run", "check", "explain", "schema"] {
        assert!(help.out.contains(command), "{}", help.out);
    }
    let schema = say(&["schema"]);
    assert_eq!(schema.code, 0);
    let schema: serde_json::Value = serde_json::from_str(&schema.out).unwrap();
    assert!(schema["$schema"].is_string());
    assert!(schema["$defs"]["The_whole"]["properties"]["routes"].is_object());
}

#[test]
fn what_is_not_understood_ends_with_2_and_without_colour() {
    for arguments in [
        &["fly"][..],
        &["run"],
        &["check"],
        &["run", "-c"],
        &["run", "--watch=x", "-c", "a.yaml"],
        &["explain", "-c", "a.yaml", "GET"],
        &["explain", "-c", "a.yaml", "GET", "/", "-H", "no value"],
        &["explain", "-c", "a.yaml", "GET", "/", "--client-ip", "here"],
        &["check", "-c", "a.yaml", "--format", "xml"],
        &["demo", "--listen", "here"],
    ] {
        let said = say(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains("error: "), "{arguments:?}: {}", said.err);
        assert!(!said.err.contains('\u{1b}'), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "");
    }
}

#[test]
fn what_cannot_start_ends_with_1_and_every_reason() {
    let missing = say(&["run", "-c", "/nowhere/gateway.yaml"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .err
            .contains("/nowhere/gateway.yaml: error: cannot be read"),
        "{}",
        missing.err
    );
    let (_directory, file) = written("routes: [{path: x, respond: {}}]\nlisten: 1\n");
    let faulty = say(&["run", "-c", &file]);
    assert_eq!(faulty.code, 1);
    assert!(
        faulty
            .err
            .contains(&format!("{file}:1:17: error: routes[0].path")),
        "{}",
        faulty.err
    );
    assert!(
        faulty.err.contains(&format!("{file}:2:1: error: listen")),
        "{}",
        faulty.err
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for text in [
        format!("listeners: [{{name: front, address: '{address}'}}]"),
        format!("{NOTHING}admin: {{address: '{address}'}}"),
    ] {
        let (_directory, file) = written(&text);
        let said = say(&["run", "-c", &file]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("in use"), "{}", said.err);
        assert!(
            said.err.contains("front") || said.err.contains(&address.to_string()),
            "{}",
            said.err
        );
        assert!(!said.err.contains("ready generation"), "{}", said.err);
    }
}

#[test]
fn the_log_is_filtered_by_its_variable() {
    let (_directory, file) = written(NOTHING);
    let start = |filter: &str| {
        let program = Program::start(corelane(&["run", "-c", &file]).env("CORELANE_LOG", filter));
        program.wait_for_generation(1);
        program.err.so_far()
    };
    assert!(start("info").contains(" INFO  corelane_engine"));
    assert!(!start("error").contains(" INFO "));
    assert!(!start("debug,corelane_engine=off").contains("corelane_engine"));
    assert!(start("loud").contains("CORELANE_LOG: `loud` is left out"));
}
