//! Raspberry Pi revision codes.
//!
//! Layout and numbers are those of the page "Raspberry Pi revision codes" of the Raspberry Pi
//! documentation (`revision-codes.adoc`): `NOQuuuWuFMMMCCCCPPPPTTTTTTTTRRRR`. It advises to look
//! at single fields, never at whole codes, since boards with new combinations appear.

/// What a revision code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) kind: Option<Kind>,
    pub(crate) processor: Option<&'static str>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) revision: u8,
}

/// A type of board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The field T.
    code: u8,
    /// Stays the same for good.
    pub(crate) slug: &'static str,
    /// Whether it notices a weak supply, where the page on power supplies of the same
    /// documentation tells: boards since the B+ do, the Zero family does not.
    pub(crate) has_voltage_detector: Option<bool>,
}

const fn kind(code: u8, slug: &'static str, has_voltage_detector: Option<bool>) -> Kind {
    Kind { code, slug, has_voltage_detector }
}

const KINDS: [Kind; 25] = [
    kind(0x00, "pi-a", None),
    kind(0x01, "pi-b", None),
    kind(0x02, "pi-a-plus", Some(true)),
    kind(0x03, "pi-b-plus", Some(true)),
    kind(0x04, "pi-2b", Some(true)),
    kind(0x06, "pi-cm1", None),
    kind(0x08, "pi-3b", Some(true)),
    kind(0x09, "pi-zero", Some(false)),
    kind(0x0a, "pi-cm3", None),
    kind(0x0c, "pi-zero-w", Some(false)),
    kind(0x0d, "pi-3b-plus", Some(true)),
    kind(0x0e, "pi-3a-plus", Some(true)),
    kind(0x10, "pi-cm3-plus", None),
    kind(0x11, "pi-4b", Some(true)),
    kind(0x12, "pi-zero-2w", Some(false)),
    kind(0x13, "pi-400", Some(true)),
    kind(0x14, "pi-cm4", None),
    kind(0x15, "pi-cm4s", None),
    kind(0x17, "pi-5", Some(true)),
    kind(0x18, "pi-cm5", None),
    kind(0x19, "pi-500", Some(true)),
    kind(0x1a, "pi-cm5-lite", None),
    kind(0x1b, "pi-cm0", None),
    // Inside Raspberry Pi Ltd. only.
    kind(0x05, "pi-alpha", None),
    kind(0x0f, "pi-internal", None),
];

const PROCESSORS: [&str; 5] = ["BCM2835", "BCM2836", "BCM2837", "BCM2711", "BCM2712"];
/// Memory is 256 MB doubled so often; 7 is not given out.
const MEMORY_DOUBLINGS_MAX: u32 = 6;

/// Decodes a code. Those of boards before 2014 are plain numbers, without fields; and so is
/// whatever else has bit 23 unset.
pub(crate) fn decode(code: u32) -> Option<Revision> {
    let field = |shift: u32, bits: u32| (code >> shift) & ((1 << bits) - 1);
    if field(23, 1) == 0 {
        return None;
    }
    let doublings = field(20, 3);
    Some(Revision {
        kind: KINDS.into_iter().find(|kind| u32::from(kind.code) == field(4, 8)),
        processor: PROCESSORS.get(field(12, 4) as usize).copied(),
        memory_bytes: (doublings <= MEMORY_DOUBLINGS_MAX).then(|| (256 << 20) << doublings),
        revision: field(0, 4) as u8,
    })
}

/// The code in `proc/cpuinfo`, for kernels whose device tree has none.
pub(crate) fn of_cpuinfo(cpuinfo: &str) -> Option<u32> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("Revision"))?;
    u32::from_str_radix(line.trim_start().strip_prefix(':')?.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_of_known_boards_say_what_they_are() {
        let check = |code: u32, slug: &str, processor: &str, memory_mb: u64, revision: u8| {
            let decoded = decode(code).unwrap();
            assert_eq!(decoded.kind.unwrap().slug, slug, "{code:x}");
            assert_eq!(decoded.processor, Some(processor), "{code:x}");
            assert_eq!(decoded.memory_bytes, Some(memory_mb << 20), "{code:x}");
            assert_eq!(decoded.revision, revision, "{code:x}");
        };
        check(0x90_00c1, "pi-zero-w", "BCM2835", 512, 1);
        check(0x90_2120, "pi-zero-2w", "BCM2837", 512, 0);
        check(0xa0_2082, "pi-3b", "BCM2837", 1024, 2);
        check(0xc0_3114, "pi-4b", "BCM2711", 4096, 4);
        check(0xd0_4170, "pi-5", "BCM2712", 8192, 0);
    }

    #[test]
    fn bits_that_say_nothing_of_the_board_are_passed_over() {
        // Overclocked, out of warranty, and locked against both.
        let flags = (1 << 31) | (1 << 30) | (1 << 29) | (1 << 25);
        assert_eq!(decode(0xa0_2082 | flags), decode(0xa0_2082));
    }

    #[test]
    fn codes_without_fields_and_fields_without_meaning_tell_nothing() {
        assert_eq!(decode(0x000d), None);
        let strange = decode(0xf0_fff0 | (1 << 23)).unwrap();
        assert_eq!((strange.kind, strange.processor, strange.memory_bytes), (None, None, None));
    }

    #[test]
    fn only_the_zero_family_is_known_to_lack_a_detector() {
        let blind = KINDS.iter().filter(|kind| kind.has_voltage_detector == Some(false));
        let slugs: Vec<&str> = blind.map(|kind| kind.slug).collect();
        assert_eq!(slugs, ["pi-zero", "pi-zero-w", "pi-zero-2w"]);
    }

    #[test]
    fn the_code_is_found_in_cpuinfo() {
        let cpuinfo = "model name\t: ARMv6-compatible processor rev 7 (v6l)\n\n\
            Hardware\t: BCM2835\nRevision\t: 9000c1\nSerial\t\t: 00000000deadbeef\n";
        assert_eq!(of_cpuinfo(cpuinfo), Some(0x90_00c1));
        for none in ["", "Revision\n", "Revision\t: \n", "Revision : xyz", "CPU revision\t: 4"] {
            assert_eq!(of_cpuinfo(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn any_code_is_decoded_without_panic(code: u32) {
            prop_assert_eq!(decode(code).is_some(), code & (1 << 23) != 0);
        }

        #[test]
        fn any_code_is_found_again_in_cpuinfo(code: u32, before in "[a-z: \n]{0,40}") {
            let cpuinfo = format!("{before}\nRevision\t: {code:04x}\n");
            prop_assert_eq!(of_cpuinfo(&cpuinfo), Some(code));
        }

        #[test]
        fn any_text_is_searched_without_panic(text in "(Revision|[ \t:]|[0-9a-f]|\\PC|\n){0,60}") {
            let _ = of_cpuinfo(&text);
        }
    }
}
