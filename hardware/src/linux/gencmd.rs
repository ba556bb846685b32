//! What the firmware of a Raspberry Pi answers to the commands of `vcgencmd`.

use bramble_protocol::board::Restraints;

/// The bits of `get_throttled`: now, and 16 further up since the board started.
/// <https://www.raspberrypi.com/documentation/computers/os.html#get_throttled>
pub(crate) const THROTTLED: &str = "get_throttled";
/// The clock at which the processors really run.
pub(crate) const ARM_CLOCK: &str = "measure_clock arm";
/// Currents and voltages of all rails; Raspberry Pi 5 and its relatives only.
pub(crate) const PMIC: &str = "pmic_read_adc";

/// Fastest clock that is believed, in Hz.
const CLOCK_HZ_MAX: u64 = 20_000_000_000;
/// The most that one rail can have, in volts or amperes.
const RAIL_MAX: f64 = 100.0;
/// Most rails that are looked at; a Raspberry Pi 5 has 12.
const RAILS_MAX: usize = 64;
/// Watts of the board from the sum of its rails: a line fitted to measurements at the supply, by
/// jfikar (README of the repository `RPi5-power` on GitHub). It leaves out what USB ports, HATs
/// and NVMe draw from the 5 V rail, which passes no meter.
const BOARD_PER_RAILS: f64 = 1.1451;
const BOARD_WATTS_MORE: f64 = 0.5879;

/// The word in `throttled=0x50005`.
pub(crate) fn throttled(reply: &str) -> Option<u32> {
    let digits = reply.trim().strip_prefix("throttled=0x")?;
    // `from_str_radix` would take a sign too.
    digits.chars().all(|c| c.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// What holds the board back now, and what has since it started.
pub(crate) fn restraints(word: u32) -> (Restraints, Restraints) {
    let from = |shift: u32| {
        let bit = |bit: u32| Some((word >> (shift + bit)) & 1 == 1);
        Restraints {
            under_voltage: bit(0),
            frequency_capped: bit(1),
            throttled: bit(2),
            soft_limit: bit(3),
        }
    };
    (from(0), from(16))
}

/// The Hz in `frequency(0)=1500398464`. The number in brackets differs between firmwares.
pub(crate) fn frequency_hz(reply: &str) -> Option<u64> {
    let (name, hz) = reply.trim().split_once('=')?;
    let hz = hz.parse().ok().filter(|hz| (1..=CLOCK_HZ_MAX).contains(hz));
    name.starts_with("frequency(").then_some(hz)?
}

/// What the whole board draws, in milliwatts, from lines such as
/// `VDD_CORE_A current(7)=1.2A` and `VDD_CORE_V volt(15)=0.89V`.
pub(crate) fn pmic_milliwatts(reply: &str) -> Option<u32> {
    let rails: Vec<Rail<'_>> = reply.lines().filter_map(rail).take(2 * RAILS_MAX).collect();
    let mut watts = 0.0;
    let mut pairs = 0;
    for amperes in rails.iter().filter(|rail| rail.unit == 'A') {
        let same = |rail: &&Rail<'_>| rail.unit == 'V' && rail.name == amperes.name;
        // A rail of which half is missing would make the sum too small: then none is right.
        watts += amperes.value * rails.iter().find(same)?.value;
        pairs += 1;
    }
    let milliwatts = (watts * BOARD_PER_RAILS + BOARD_WATTS_MORE) * 1000.0;
    // At most 64 rails of 100 A at 100 V, which fits.
    (pairs > 0 && watts > 0.0).then(|| milliwatts.round() as u32)
}

/// One half of what is known of a rail.
struct Rail<'a> {
    name: &'a str,
    unit: char,
    value: f64,
}

fn rail(line: &str) -> Option<Rail<'_>> {
    let (label, reading) = line.trim().split_once(' ')?;
    let (_, value) = reading.split_once('=')?;
    let unit = value.chars().last()?;
    let value: f64 = value.strip_suffix(['A', 'V'])?.parse().ok()?;
    let name = label.strip_suffix(unit)?.strip_suffix('_')?;
    (0.0..=RAIL_MAX).contains(&value).then_some(Rail { name, unit, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_word_of_a_starved_board_says_now_and_earlier() {
        let (now, since_boot) = restraints(throttled("throttled=0x50005\n").unwrap());
        assert_eq!((now.under_voltage, now.throttled), (Some(true), Some(true)));
        assert_eq!((now.frequency_capped, now.soft_limit), (Some(false), Some(false)));
        assert_eq!(now, since_boot);
        let (now, since_boot) = restraints(0xe0008);
        assert_eq!((now.under_voltage, now.soft_limit), (Some(false), Some(true)));
        assert_eq!((since_boot.under_voltage, since_boot.throttled), (Some(false), Some(true)));
    }

    #[test]
    fn other_answers_are_no_word() {
        for other in ["", "throttled=", "throttled=0x", "throttled=0x+5", "throttled=50005", "0x0"]
        {
            assert_eq!(throttled(other), None, "{other:?}");
        }
        assert_eq!(throttled("throttled=0x1ffffffff"), None, "more than 32 bits");
        assert_eq!(throttled("throttled=0x0"), Some(0));
    }

    #[test]
    fn the_clock_is_told_whatever_its_number() {
        assert_eq!(frequency_hz("frequency(0)=1500398464\n"), Some(1_500_398_464));
        assert_eq!(frequency_hz("frequency(48)=600117184"), Some(600_117_184));
        for other in ["", "frequency(0)=0", "frequency(0)=-1", "volt=0.8V", "frequency(0)=9e9"] {
            assert_eq!(frequency_hz(other), None, "{other:?}");
        }
    }

    const ADC: &str = "     3V3_SYS_A current(1)=0.10000000A\n  VDD_CORE_A current(7)=2.00000000A\n\
        \x20    3V3_SYS_V volt(9)=3.30000000V\n  VDD_CORE_V volt(15)=0.90000000V\n\
        \x20     EXT5V_V volt(24)=5.13000000V\n     BATT_V volt(25)=0.00000000V\n";

    #[test]
    fn rails_are_paired_by_name_and_summed() {
        // 0.1 A at 3.3 V and 2 A at 0.9 V are 2.13 W on the rails.
        assert_eq!(pmic_milliwatts(ADC), Some(3027));
    }

    #[test]
    fn half_a_rail_makes_no_sum() {
        let torn = ADC.replace("VDD_CORE_V", "VDD_OTHER_V");
        assert_eq!(pmic_milliwatts(&torn), None);
        let broken = ADC.replace("0.90000000V", "nanV");
        assert_eq!(pmic_milliwatts(&broken), None);
        for none in ["", "error=1 error_msg=\"Command not registered\"", "EXT5V_V volt(24)=5.1V"] {
            assert_eq!(pmic_milliwatts(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn every_word_survives_being_written(word: u32) {
            prop_assert_eq!(throttled(&format!("throttled=0x{word:x}\n")), Some(word));
        }

        #[test]
        fn every_clock_survives_being_written(hz in 1..=CLOCK_HZ_MAX, number: u8) {
            prop_assert_eq!(frequency_hz(&format!("frequency({number})={hz}\n")), Some(hz));
        }

        #[test]
        fn more_current_is_never_less_power(amperes in 0.1f64..10.0, more in 0.1f64..10.0) {
            let watts = |a: f64| {
                pmic_milliwatts(&format!("X_A current(0)={a:.8}A\nX_V volt(1)=1.00000000V\n"))
            };
            prop_assert!(watts(amperes).unwrap() <= watts(amperes + more).unwrap());
        }

        #[test]
        fn any_answer_is_read_without_panic(
            reply in "(throttled=0x|frequency\\(|[XY]_[AV] |volt\\(1\\)=|[0-9.e+-]|[AV]\n|\\PC){0,40}",
        ) {
            let _ = (throttled(&reply), frequency_hz(&reply), pmic_milliwatts(&reply));
        }
    }
}
