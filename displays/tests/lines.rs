//! What stands on character displays, in both sizes and languages.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use bramble_displays::{
    ClusterPower, JobCounts, Language, Letters, NodeCounts, RunningJob, Shown, Size, Style,
};
use bramble_protocol::board::PowerSource;
use proptest::prelude::*;

fn style(size: Size, language: Language) -> Style {
    Style { size, letters: Letters::Ascii, language }
}

/// A lesson at work.
fn lesson() -> Shown {
    Shown {
        addresses: vec!["192.168.1.20:8420".into(), "bramble.local:8420".into()],
        class_code: Some("FERN-42".into()),
        nodes: NodeCounts { here: 4, all: 4, hot: 0, lost: 0 },
        hottest_millicelsius: Some(61_400),
        jobs: JobCounts { running: 1, waiting: 1 },
        running: Some(RunningJob {
            name: "Сортировка слов".into(), done_permille: 455
        }),
        alarm: None,
        power: Some(ClusterPower { milliwatts: 12_349, source: PowerSource::Measured }),
    }
}

/// The pages from the first one on, each as its rows without spaces at their ends.
fn pages(style: Style, shown: &Shown, count: u64) -> Vec<Vec<String>> {
    let page = |page| {
        let lines = style.lines(shown, page).into_iter();
        lines.map(|line| String::from_utf8(line).unwrap().trim_end().to_owned()).collect()
    };
    (0..count).map(page).collect()
}

#[test]
fn a_small_display_shows_one_thing_after_the_other() {
    let expected = [
        ["192.168.1.20", "4/4 up 61C 2job"],
        ["Class code", "FERN-42"],
        ["Sortirovka slov", "#####------  45%"],
        ["12.3 W", "measured"],
        ["Also at", "bramble.local"],
        ["192.168.1.20", "4/4 up 61C 2job"],
    ];
    assert_eq!(pages(style(Size::SMALL, Language::English), &lesson(), 6), expected);
}

#[test]
fn a_small_display_speaks_russian_in_latin_letters() {
    let expected = [
        ["192.168.1.20", "4/4 vkl 61C 2zad"],
        ["Kod klassa", "FERN-42"],
        ["Sortirovka slov", "#####------  45%"],
        ["12.3 W", "izmereno"],
        ["Eshche adres", "bramble.local"],
    ];
    assert_eq!(pages(style(Size::SMALL, Language::Russian), &lesson(), 5), expected);
}

#[test]
fn a_large_display_always_shows_where_the_head_is() {
    let home = ["192.168.1.20:8420", "4/4 up 61C 2job"];
    let with = |facts: [&'static str; 2]| [home, facts].concat();
    let expected = [
        with(["Class code", "FERN-42"]),
        with(["Sortirovka slov", "######---------  45%"]),
        with(["12.3 W", "measured"]),
        with(["Also at", "bramble.local:8420"]),
        with(["Class code", "FERN-42"]),
    ];
    assert_eq!(pages(style(Size::LARGE, Language::English), &lesson(), 5), expected);
    let russian = pages(style(Size::LARGE, Language::Russian), &lesson(), 1);
    assert_eq!(russian[0], ["192.168.1.20:8420", "4/4 vkl 61C 2zad", "Kod klassa", "FERN-42"]);
}

#[test]
fn an_alarm_is_on_every_second_page_and_the_rest_still_in_turn() {
    let nodes = NodeCounts { here: 3, all: 4, hot: 1, lost: 1 };
    let alarm = Some("p3 under-voltage".into());
    let shown = Shown { nodes, alarm, running: None, power: None, ..lesson() };
    let expected = [
        ["!! LOOK AT", "p3 under-voltage"],
        ["192.168.1.20", "3/4 up 1lost 61C"],
        ["!! LOOK AT", "p3 under-voltage"],
        ["Class code", "FERN-42"],
        ["!! LOOK AT", "p3 under-voltage"],
        ["Also at", "bramble.local"],
    ];
    // What does not fit is left out, and what fits behind it is not.
    assert_eq!(pages(style(Size::SMALL, Language::English), &shown, 6), expected);
    let large = pages(style(Size::LARGE, Language::Russian), &shown, 1);
    let expected = ["192.168.1.20:8420", "3/4 vkl 1net 1zhar", "!! PROVERTE", "p3 under-voltage"];
    assert_eq!(large[0], expected);
}

#[test]
fn a_long_alarm_takes_both_rows() {
    let alarm = Some("node17 is too hot: 84 C, clock held down".into());
    let shown = Shown { alarm, ..lesson() };
    let small = pages(style(Size::SMALL, Language::English), &shown, 1);
    assert_eq!(small[0], ["node17 is too", "hot: 84 C, clock"]);
}

#[test]
fn a_head_without_network_and_nodes_says_so() {
    let small = |language| pages(style(Size::SMALL, language), &Shown::default(), 2);
    assert_eq!(small(Language::English), [["no network", "no nodes yet"]; 2]);
    assert_eq!(small(Language::Russian), [["net seti", "uzlov poka net"]; 2]);
    let farewell = style(Size::SMALL, Language::Russian).farewell();
    assert_eq!(farewell, [b"bramble vykl.   ", b"                "]);
}

#[test]
fn an_address_of_ipv6_keeps_its_colons_and_loses_its_port() {
    let home = |address: &str| {
        let shown = Shown { addresses: vec![address.into()], ..Shown::default() };
        pages(style(Size::SMALL, Language::English), &shown, 1)[0][0].clone()
    };
    assert_eq!(home("[fd00::1]:8420"), "[fd00::1]:8420");
    assert_eq!(home("[fd00::1234:1]:8420"), "[fd00::1234:1]");
    assert_eq!(home("fd00:1:2:3:4:5:6:7"), "fd00:1:2:3:4:5:6");
}

prop_compose! {
    fn anything()(
        addresses in prop::collection::vec(any::<String>(), 0..6),
        class_code in any::<Option<String>>(),
        (here, all, hot, lost, running, waiting) in (0u32..2000, 0u32..2000, 0u32..99, 0u32..99, 0u32..99, 0u32..999),
        hottest_millicelsius in any::<Option<i32>>(),
        job in any::<Option<(String, u32)>>(),
        alarm in any::<Option<String>>(),
        milliwatts in any::<Option<u64>>(),
    ) -> Shown {
        Shown {
            addresses,
            class_code,
            nodes: NodeCounts { here, all, hot, lost },
            hottest_millicelsius,
            jobs: JobCounts { running, waiting },
            running: job.map(|(name, done_permille)| RunningJob { name, done_permille }),
            alarm,
            power: milliwatts
                .map(|milliwatts| ClusterPower { milliwatts, source: PowerSource::Estimated }),
        }
    }
}

proptest! {
    #[test]
    fn each_page_fills_the_display_and_holds_only_what_it_has(
        shown in anything(), page in any::<u64>(), is_large in any::<bool>(),
        is_a00 in any::<bool>(), is_russian in any::<bool>(),
    ) {
        let size = if is_large { Size::LARGE } else { Size::SMALL };
        let letters = if is_a00 { Letters::A00 } else { Letters::Ascii };
        let language = if is_russian { Language::Russian } else { Language::English };
        let lines = Style { size, letters, language }.lines(&shown, page);
        prop_assert_eq!(lines.len(), size.rows);
        for line in lines {
            prop_assert_eq!(line.len(), size.columns);
            prop_assert!(line.iter().all(|byte| letters.has(*byte)), "{:x?}", line);
        }
    }
}
