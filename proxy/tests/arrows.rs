//! Which crate may depend on which: the arrows are the architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace is built on.
fn packages() -> BTreeMap<String, Vec<Value>> {
    let cargo = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there, because it runs this test");
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("metadata is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let package = |package: Value| {
        let dependencies = list(&package["dependencies"]).into_iter();
        let built_on = dependencies.filter(|dependency| dependency["kind"] != "dev");
        (text(&package["name"]), built_on.collect())
    };
    list(&metadata["packages"])
        .into_iter()
        .map(package)
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn crates_depend_on_each_other_as_the_architecture_says() {
    let packages = packages();
    let ours = |dependencies: &[Value]| -> BTreeSet<String> {
        let names = dependencies
            .iter()
            .map(|dependency| text(&dependency["name"]));
        names.filter(|name| packages.contains_key(name)).collect()
    };
    let arrows: Vec<(&str, BTreeSet<String>)> = packages
        .iter()
        .filter(|(name, _)| *name != "corelane-bench") // it measures whatever it likes
        .map(|(name, dependencies)| (&**name, ours(dependencies)))
        .collect();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (codec, config, engine) = ("corelane-codec", "corelane-config", "corelane-engine");
    let expected = [
        ("corelane", set(&[config, engine])),
        (codec, set(&[])),
        (config, set(&[])),
        (engine, set(&[codec, config])),
        ("corelane-loadtest", set(&[])),
    ];
    assert_eq!(arrows, expected);
}

#[test]
fn runtimes_stay_where_they_belong() {
    let users = |wanted: &dyn Fn(&Value) -> bool| -> Vec<String> {
        let packages = packages().into_iter();
        let found = packages.filter(|(_, dependencies)| dependencies.iter().any(wanted));
        found.map(|(name, _)| name).collect()
    };
    let runs_tokio = |dependency: &Value| {
        let features = dependency["features"].as_array();
        let runtime =
            |feature: &Value| feature == "rt" || feature == "rt-multi-thread" || feature == "full";
        dependency["name"] == "tokio" && features.is_some_and(|list| list.iter().any(runtime))
    };
    assert_eq!(users(&runs_tokio), ["corelane"]);
    let data_plane = |name: &str| ["corelane-codec", "corelane-config", "corelane"].contains(&name);
    let mut monoio = users(&|dependency| dependency["name"] == "monoio");
    monoio.retain(|name| data_plane(name));
    assert_eq!(monoio, Vec::<String>::new());
}
