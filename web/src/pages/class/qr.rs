//! An address as a QR code.

use maud::{Markup, html};
use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of white that scanners need around a code: ISO/IEC 18004, 5.3.8.
const QUIET: i32 = 4;

/// A text as a picture; nothing when it is too long for one.
pub(super) fn svg(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let all = size + 2 * QUIET;
    let mut dark = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            dark.push_str(&format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    html! {
        svg.qr viewBox=(format!("0 0 {all} {all}")) role="img" aria-label=(label)
            shape-rendering="crispEdges" {
            rect width=(all) height=(all) fill="#fff" {}
            path d=(dark) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_code_with_white_around_it_and_a_novel_does_not() {
        let shown = svg("http://bramble.local:8420/login?class=FERN-42", "code").into_string();
        assert!(shown.contains("M4 4h1v1h-1z"), "the corner of the finder pattern: {shown}");
        assert_eq!(svg(&"x".repeat(5_000), "code").into_string(), "");
    }
}
