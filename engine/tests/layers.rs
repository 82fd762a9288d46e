//! The arrows between the crates are the architecture (docs/architecture.md): this reads them from
//! cargo and holds them to what was drawn.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in the functions that they share"
)]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Each of our crates, and which of ours it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("corelane-codec", &[]),
    ("corelane-config", &[]),
    ("corelane-engine", &["corelane-codec", "corelane-config"]),
    ("corelane", &["corelane-config", "corelane-engine"]),
    ("corelane-loadtest", &[]),
    (
        "corelane-bench",
        &["corelane-codec", "corelane-config", "corelane-engine"],
    ),
];

/// Runtimes, sockets and protocols that crates without I/O must not reach, however far away.
const INPUT_AND_OUTPUT: &[&str] = &[
    "monoio", "tokio", "hyper", "rustls", "h2", "mio", "socket2", "io-uring", "rustix",
];

/// What cargo knows of the workspace.
struct Workspace(Value);

impl Workspace {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--offline"])
            .args([
                "--manifest-path",
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            ])
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["packages"])
    }

    /// The packages of this repository.
    fn ours(&self) -> impl Iterator<Item = &Value> {
        let members = &self.0["workspace_members"];
        self.packages()
            .filter(|package| list(members).any(|id| *id == package["id"]))
    }

    fn named(&self, name: &str) -> &Value {
        self.ours().find(|package| package["name"] == name).unwrap()
    }

    /// The names of everything that a package of ours is built from, itself included.
    fn reach(&self, name: &str) -> BTreeSet<&str> {
        let nodes = &self.0["resolve"]["nodes"];
        let mut reached = BTreeSet::new();
        let mut left = vec![&self.named(name)["id"]];
        while let Some(id) = left.pop() {
            if !reached.insert(text(id)) {
                continue;
            }
            let node = list(nodes).find(|node| node["id"] == *id).unwrap();
            let built_in =
                |dep: &&Value| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
            left.extend(list(&node["deps"]).filter(built_in).map(|dep| &dep["pkg"]));
        }
        self.packages()
            .filter(|package| reached.contains(text(&package["id"])))
            .map(|package| text(&package["name"]))
            .collect()
    }
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn our_crates_depend_on_each_other_as_drawn() {
    let workspace = Workspace::read();
    let ours: BTreeSet<_> = workspace
        .ours()
        .map(|package| text(&package["name"]))
        .collect();
    let drawn: BTreeSet<_> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, drawn, "a crate came or went");
    for (name, allowed) in ARROWS {
        for dependency in list(&workspace.named(name)["dependencies"]) {
            let on = text(&dependency["name"]);
            let is_fine = !ours.contains(on) || allowed.contains(&on);
            assert!(is_fine, "{name} depends on {on}");
        }
    }
}

#[test]
fn codec_and_config_do_no_input_or_output() {
    let workspace = Workspace::read();
    for name in ["corelane-codec", "corelane-config"] {
        let reach = workspace.reach(name);
        assert!(reach.contains(name));
        let found: Vec<_> = INPUT_AND_OUTPUT
            .iter()
            .filter(|foreign| reach.contains(**foreign))
            .collect();
        assert!(found.is_empty(), "{name} reaches {found:?}");
    }
}

#[test]
fn only_the_program_has_a_tokio_runtime() {
    let workspace = Workspace::read();
    let mut with_traits = Vec::new();
    let mut with_runtime = Vec::new();
    for package in workspace.ours() {
        for dependency in list(&package["dependencies"]).filter(|d| d["name"] == "tokio") {
            let name = text(&package["name"]);
            let has_rt = list(&dependency["features"]).any(|f| text(f).starts_with("rt"));
            if has_rt || dependency["uses_default_features"] == true {
                with_runtime.push(name);
            } else {
                with_traits.push(name);
            }
        }
    }
    assert_eq!(with_runtime, ["corelane"]);
    // `h2` reads and writes through tokio's traits.
    assert_eq!(with_traits, ["corelane-loadtest"]);
    for name in ["corelane-engine", "corelane-loadtest"] {
        assert!(workspace.reach(name).contains("monoio"));
    }
}
