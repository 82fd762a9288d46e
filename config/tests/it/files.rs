//! Files and directories: what is read, in which order, and what is said of what cannot be.

use std::fs;
use std::path::PathBuf;

use corelane_config::{Config, Loader};

use crate::support::loader;

/// A folder of its own for a test, under the target directory.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("config-files")
        .join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("removable");
    }
    fs::create_dir_all(&folder).expect("writable");
    folder
}

fn route(path: &str) -> String {
    format!("routes: [{{path: {path}, respond: {{}}}}]\n")
}

fn paths_of(config: &Config) -> Vec<String> {
    config
        .snapshot()
        .routes
        .iter()
        .map(|route| route.matcher.path.to_string())
        .collect()
}

#[test]
fn the_yaml_files_of_a_directory_are_read_in_the_order_of_their_names() {
    let folder = folder("order");
    for (name, path) in [
        ("b.yml", "/2"),
        ("a.yaml", "/1"),
        ("c.yaml", "/3"),
        (".c.yaml", "/no"),
        ("d.txt", "/no"),
    ] {
        fs::write(folder.join(name), route(path)).expect("writable");
    }
    fs::create_dir(folder.join("e.yaml")).expect("writable");
    let config = loader().load(&[&folder]).expect("it loads");
    assert_eq!(paths_of(&config), ["/1", "/2", "/3"]);
    let read = ["a.yaml", "b.yml", "c.yaml"].map(|name| folder.join(name));
    assert_eq!(config.paths(), read);
    // Several paths are read in the order in which they are given.
    let config = loader().load(&[&read[2], &read[0]]).expect("it loads");
    assert_eq!(paths_of(&config), ["/3", "/1"]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_still_checked() {
    let folder = folder("unreadable");
    let missing = folder.join("missing.yaml");
    let binary = folder.join("binary.yaml");
    let wrong = folder.join("wrong.yaml");
    let empty = folder.join("empty");
    fs::write(&binary, b"routes: \xff").expect("writable");
    fs::write(&wrong, "routes: [{path: a, service: in-a-missing-file}]").expect("writable");
    fs::create_dir(&empty).expect("writable");
    let errors = loader()
        .load(&[&missing, &binary, &wrong, &empty])
        .expect_err("it must not");
    let folder = folder.display();
    let mut lines: Vec<String> = errors.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("{folder}/binary.yaml: not UTF-8: the byte at offset 8 begins no character"),
            format!("{folder}/empty: no `*.yaml` or `*.yml` in this directory"),
            format!(
                "{folder}/missing.yaml: cannot be read: No such file or directory (os error 2)"
            ),
            format!("{folder}/wrong.yaml:1:17: routes[0].path: a path begins with `/`; write `/a`"),
        ]
    );
}

#[test]
fn a_file_that_is_too_large_is_not_parsed() {
    let file = folder("large").join("large.yaml");
    fs::write(&file, "#".repeat(16 * 1024 * 1024 + 1)).expect("writable");
    let errors = loader().load(&[&file]).expect_err("it must not");
    assert_eq!(errors.0[0].message, "more than 16777216 bytes");
    // Nor is it read to its end, which this one has not.
    let errors = loader().load(&["/dev/zero"]).expect_err("it must not");
    assert_eq!(errors.0[0].message, "more than 16777216 bytes");
}

#[test]
fn no_path_is_a_mistake_and_not_an_empty_configuration() {
    let none: [&str; 0] = [];
    let errors = loader().load(&none).expect_err("it must not");
    assert_eq!(errors.to_string(), "configuration: no path was given");
}

#[test]
fn the_systems_resolver_knows_localhost() {
    let config = Loader::new()
        .from_yaml("a.yaml", "services: {s: {endpoints: [localhost:8001]}}")
        .expect("every machine knows its own name");
    let endpoints = &config.snapshot().services[0].endpoints;
    assert!(!endpoints.is_empty());
    assert!(
        endpoints
            .iter()
            .all(|endpoint| &*endpoint.name == "localhost:8001")
    );
}
