//! What boards usually draw, for where nothing measures it.
//!
//! From idle to busy a straight line is drawn. Figures differ by half from one article to the
//! next, with what is plugged in, and with the power supply; they are estimates, and are shown as
//! such. Those given in amperes are taken at 5 V.

use bramble_protocol::board::PowerModel;

/// Figures of one type of board, in milliwatts.
struct Figures {
    /// As in [`bramble_protocol::board::BoardIdentity::kind`].
    kind: &'static str,
    off: Option<u32>,
    idle: u32,
    busy: u32,
    /// Who has published them.
    #[cfg_attr(not(test), expect(dead_code, reason = "stands beside what it is the source of"))]
    source: &'static str,
}

const PI_DOCS: &str = "Raspberry Pi documentation, typical power requirements";
const SBC_REVIEWS: &str = "sbc-reviews, at the wall, headless, under stress";
const SBC_REVIEWS_HPL: &str = "sbc-reviews, at the wall, headless, under High Performance Linpack";

#[rustfmt::skip]
const FIGURES: [Figures; 16] = [
    Figures { kind: "pi-zero",        off: Some(280),  idle: 500,  busy: 1750,  source: PI_DOCS },
    // Its highest figure is nobody's measurement: that of the Zero and a radio at rest.
    Figures { kind: "pi-zero-w",      off: None,       idle: 750,  busy: 1800,  source: PI_DOCS },
    Figures { kind: "pi-zero-2w",     off: None,       idle: 600,  busy: 1750,
              source: "cnx-software 2021 for idle; Raspberry Pi documentation for busy" },
    Figures { kind: "pi-2b",          off: None,       idle: 1100, busy: 4100,  source: PI_DOCS },
    Figures { kind: "pi-3b",          off: Some(500),  idle: 1500, busy: 6700,  source: PI_DOCS },
    Figures { kind: "pi-3b-plus",     off: None,       idle: 3100, busy: 5600,  source: SBC_REVIEWS },
    Figures { kind: "pi-4b",          off: Some(120),  idle: 1600, busy: 5000,  source: SBC_REVIEWS },
    Figures { kind: "pi-400",         off: None,       idle: 2700, busy: 6400,  source: SBC_REVIEWS_HPL },
    Figures { kind: "pi-cm4",         off: None,       idle: 2500, busy: 5200,  source: SBC_REVIEWS_HPL },
    // Off without POWER_OFF_ON_HALT=1, which is how they are delivered.
    Figures { kind: "pi-5",           off: Some(1800), idle: 2800, busy: 9700,
              source: "sbc-reviews; cnx-software 2024 for off" },
    Figures { kind: "pi-cm5",         off: None,       idle: 2400, busy: 9400,  source: SBC_REVIEWS_HPL },
    Figures { kind: "pi-500",         off: None,       idle: 2900, busy: 12900, source: SBC_REVIEWS_HPL },
    Figures { kind: "pi-cm0",         off: None,       idle: 1200, busy: 3700,  source: SBC_REVIEWS_HPL },
    Figures { kind: "orangepizero2w", off: None,       idle: 1100, busy: 2400,  source: SBC_REVIEWS },
    Figures { kind: "orangepi5",      off: None,       idle: 1000, busy: 11500, source: SBC_REVIEWS_HPL },
    Figures { kind: "orangepi5-max",  off: None,       idle: 1400, busy: 12800, source: SBC_REVIEWS_HPL },
];

/// What boards of that kind draw, if somebody has published it.
pub(crate) fn model_of(kind: &str) -> Option<PowerModel> {
    let figures = FIGURES.iter().find(|figures| figures.kind == kind)?;
    Some(PowerModel {
        off_milliwatts: figures.off,
        idle_milliwatts: figures.idle,
        busy_milliwatts: figures.busy,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_source_and_rises_with_load() {
        for figures in &FIGURES {
            assert!(!figures.source.is_empty(), "{}", figures.kind);
            assert!(figures.off.is_none_or(|off| off < figures.idle), "{}", figures.kind);
            assert!(figures.idle < figures.busy, "{}", figures.kind);
        }
        let kinds: BTreeSet<&str> = FIGURES.iter().map(|figures| figures.kind).collect();
        assert_eq!(kinds.len(), FIGURES.len());
    }

    #[test]
    fn boards_that_nobody_has_measured_have_no_model() {
        assert_eq!(model_of("pi-a"), None);
        assert_eq!(model_of("pi-3b").map(|model| model.busy_milliwatts), Some(6700));
    }
}
