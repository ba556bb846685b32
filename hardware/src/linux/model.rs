//! Which board or machine it is.

use std::path::Path;

/// Longest model that is told, in characters.
const MODEL_CHARS_MAX: usize = 80;
/// What firmware says when its maker has filled nothing in, in lower case.
pub(super) const FILLERS: [&str; 12] = [
    "to be filled by o.e.m.",
    "to be filled by oem",
    "default string",
    "system product name",
    "product name",
    "not applicable",
    "not specified",
    "o.e.m.",
    "unknown",
    "none",
    "n/a",
    "0",
];

pub(crate) fn read(root: &Path) -> Option<String> {
    ["proc/device-tree/model", "sys/class/dmi/id/product_name"]
        .iter()
        .filter_map(|path| super::text(&root.join(path)))
        .map(|model| clean(&model))
        .find(|model| !model.is_empty() && !FILLERS.contains(&model.to_lowercase().as_str()))
}

/// One line of printable text.
pub(super) fn clean(model: &str) -> String {
    let printable: String = model.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = printable.split_whitespace().collect();
    words.join(" ").chars().take(MODEL_CHARS_MAX).collect()
}
