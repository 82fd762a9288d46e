//! Paths: the reference's form of them, which normalising again does not change.

use corelane_codec::{is_normal_path, normalize_path};

use crate::reference;

/// `data` is a path.
pub(crate) fn path(data: &[u8]) {
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let normal = normalize_path(data, &mut once);
    let expected = reference::normal_path(data);
    assert_eq!(
        normal.ok().map(|()| &once),
        expected.as_ref(),
        "{}",
        data.escape_ascii()
    );
    if is_normal_path(data) {
        assert_eq!(expected.as_deref(), Some(data), "{}", data.escape_ascii());
    }
    if normal.is_ok() {
        assert_eq!(normalize_path(&once, &mut twice), Ok(()));
        assert_eq!(once, twice);
    }
}
