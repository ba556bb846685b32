//! What may stand in a configuration.

use proptest::prelude::*;

use super::*;

fn wrong(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn a_driver_alone_is_enough_where_there_is_a_usual_case() {
    let text = "[[display]]\ndriver = \"blinkstick\"\n[[display]]\ndriver = \"hd44780\"\n\
                [[display]]\ndriver = \"lcd\"\n[[display]]\ndriver = \"ssd1306\"\n";
    let names: Vec<String> =
        Config::parse(text).unwrap().displays.iter().map(DisplayConfig::name).collect();
    let expected =
        ["blinkstick", "hd44780 at 0x27 on bus 1", "lcd /dev/lcd", "ssd1306 at 0x3c on bus 1"];
    assert_eq!(names, expected);
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn all_settings_arrive() {
    let text = r#"
        [[display]]
        driver = "blinkstick"
        serial = "BS000001-3.0"
        lights = 8
        brightness = 50

        [[display]]
        driver = "hd44780"
        bus = 3
        address = 0x3f
        size = "20x4"
        characters = "ascii"
        language = "ru"
        backlight = false

        [[display]]
        driver = "led"
        name = "ACT"
    "#;
    let serial = Some("BS000001-3.0".to_owned());
    let style = Style { size: Size::LARGE, letters: Letters::Ascii, language: Language::Russian };
    let expected = [
        DisplayConfig::BlinkStick { serial, lights: 8, percent: 50 },
        DisplayConfig::Hd44780 { bus: 3, address: 0x3f, style, has_backlight: false },
        DisplayConfig::Led { name: "ACT".into(), percent: 100 },
    ];
    assert_eq!(Config::parse(text).unwrap().displays, expected);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_would_be_right() {
    let display = |settings: &str| wrong(&format!("# ours\n\n[[display]]\n{settings}\n"));
    assert_eq!(
        display("driver = \"blinkstik\""),
        "line 3: there is no driver `blinkstik`; \
         `driver` is one of blinkstick, led, hd44780, lcd, ssd1306"
    );
    assert!(display("size = \"16x2\"").starts_with("line 3: `driver` is missing; it is one of"));
    assert_eq!(
        display("driver = \"hd44780\"\nsize = \"40x2\""),
        "line 3: `size` is `40x2`, and can be 16x2 or 20x4"
    );
    assert_eq!(
        display("driver = \"hd44780\"\naddress = 0x80"),
        "line 3: `address` is 0x80, and can be 0x08 to 0x77"
    );
    let unknown = display("driver = \"blinkstick\"\nbus = 1");
    assert!(unknown.contains("unknown field `bus`, expected one of `serial`"), "{unknown}");
    let nameless = display("driver = \"led\"");
    assert!(nameless.contains("missing field `name`"), "{nameless}");
    assert!(display("driver = \"led\"\nname = \"../../x\"").contains("must be one of"));
    assert!(display("driver = \"lcd\"\npath = \"lcd\"").contains("must begin with `/`"));
    assert!(display("driver = \"blinkstick\"\nlights = 65").contains("can be 1 to 64"));
    assert!(display("driver = \"blinkstick\"\nbrightness = 0").contains("can be 1 to 100"));
    assert!(wrong("[[displays]]").starts_with("cannot be read as TOML: "));
}

#[test]
fn a_configuration_has_limits() {
    let nine = "[[display]]\ndriver = \"lcd\"\n".repeat(9);
    assert_eq!(wrong(&nine), "lists 9 displays, of which a head drives at most 8");
    assert!(wrong(&"#".repeat(65 << 10)).starts_with("is longer than 64 KiB"));
    let missing = Config::read(Path::new("/nonexistent/displays.toml")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read /nonexistent/displays.toml");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[\\[display\\]\\]\n)?([a-z_]{1,9} ?= ?[\"0-9a-z]{0,9}\n?){0,4}") {
        let _ = Config::parse(&text);
    }
}
