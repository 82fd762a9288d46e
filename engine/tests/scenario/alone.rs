//! Tests that measure or limit their whole process need one of their own.

use std::process::Command;

/// Set in the process that runs one test alone.
const ALONE: &str = "CORELANE_TEST_ALONE";

/// Runs `test`, which must be the whole of the calling test, in a process of its own: the test
/// binary is started once more with this test as its only one.
pub(crate) fn alone(test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let thread = std::thread::current();
    let name = thread.name().expect("tests run on threads of their names");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    assert!(told.contains("1 passed"), "{name} did not run: {told}");
}

/// The descriptors that this process has open.
pub(crate) fn descriptors() -> usize {
    // The one that lists them is among them, every time.
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The memory of this process that is resident.
pub(crate) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.unwrap().parse::<usize>().unwrap() * 1024
}
