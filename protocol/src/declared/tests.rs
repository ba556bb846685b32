//! What modules declare, read and asked.

use super::*;

fn declared() -> Declared {
    serde_json::from_str(
        r#"{ "name": "sort", "of-a-later-release": 1,
             "split": { "by-param": { "param": "type",
                        "cases": { "text": "lines", "u64": "records:8" } } },
             "params": [ { "name": "type", "default": "text", "choices": ["text", "u64"] },
                         { "name": "top", "kind": "integer", "min": 1, "max": 100 },
                         { "name": "scale", "kind": "number" },
                         { "name": "strict", "kind": "boolean" } ] }"#,
    )
    .unwrap()
}

fn fault(name: &str, value: &str) -> Option<String> {
    declared().param_fault(&Params::from([(name.into(), value.into())]))
}

#[test]
fn the_split_rule_follows_the_parameter_and_its_default() {
    let mut params = Params::new();
    assert_eq!(declared().split_rule(&params), SplitRule::Lines);
    params.insert("type".into(), "u64".into());
    assert_eq!(declared().split_rule(&params), SplitRule::Records { bytes: 8 });
}

#[test]
fn an_unknown_parameter_or_value_is_named_with_what_would_do() {
    assert_eq!(fault("type", "u64"), None);
    assert!(fault("typo", "u64").unwrap().contains("it has: type, top"));
    assert!(fault("type", "u65").unwrap().contains("choose from: text, u64"));
}

#[test]
fn a_value_must_be_of_the_kind_that_was_declared() {
    for (name, good, bad) in [
        ("top", &["1", "100", "+7"][..], &["0", "101", "-1", "1.5", "", "many", "1e1"][..]),
        ("scale", &["1", "-2.5", "1e-3"], &["", "x", "inf", "NaN", "1,5"]),
        ("strict", &["true", "false"], &["", "yes", "TRUE", "1"]),
    ] {
        for value in good {
            assert_eq!(fault(name, value), None, "{name}={value}");
        }
        for value in bad {
            assert!(fault(name, value).unwrap().contains(name), "{name}={value}");
        }
    }
    assert!(fault("top", "0").unwrap().contains("a whole number from 1 to 100"));
}

#[test]
fn a_parameter_that_the_job_cannot_do_without_is_asked_for() {
    let mut declared = declared();
    declared.params[1].required = true;
    let fault = declared.param_fault(&Params::new()).unwrap();
    assert_eq!(fault, "the parameter `top` is missing: integer");
    declared.params[1].default = Some("10".into());
    assert_eq!(declared.param_fault(&Params::new()), None);
}

#[test]
fn a_secret_is_given_as_one_and_nothing_else_is() {
    let mut declared = declared();
    let names = |name: &str| SecretNames {
        tag: crate::Digest::ZERO,
        given: [(name.to_owned(), crate::SecretAccess::Read)].into(),
    };
    declared.params[0].secret = true;
    assert_eq!(declared.secrets_fault(Some(&names("type"))), None);
    assert_eq!(declared.secrets_fault(None), None);
    declared.params[0].required = true;
    assert!(declared.secrets_fault(None).unwrap().contains("--secret type=@FILE"));
    let fault = declared.secrets_fault(Some(&names("top"))).unwrap();
    assert!(fault.contains("--arg top=VALUE"), "{fault}");
    let fault = declared.secrets_fault(Some(&names("tpye"))).unwrap();
    assert!(fault.ends_with("it has: type"), "{fault}");
    let fault = declared.param_fault(&Params::from([("type".into(), "hunter2".into())]));
    let fault = fault.unwrap();
    assert!(fault.contains("--secret type=@FILE") && !fault.contains("hunter2"), "{fault}");
    assert_eq!(Declared::default().secrets_fault(Some(&names("any"))), None);
}

/// A job that seals by default, or looks and then merges.
fn sealer() -> Declared {
    serde_json::from_str(
        r#"{ "params": [ { "name": "do", "choices": ["seal", "look"], "default": "seal" },
                         { "name": "salt", "random": 4 } ],
             "merge-when": { "param": "do", "values": ["look"] },
             "result": { "kind": "binary", "by-param": { "param": "do", "cases": {
                 "seal": { "kind": "binary", "extension": "sealed" },
                 "look": { "kind": "table" } } } } }"#,
    )
    .unwrap()
}

#[test]
fn results_and_merging_follow_the_parameter_and_its_default() {
    let (mut params, sealer) = (Params::new(), sealer());
    assert!(!sealer.merges(&params));
    assert_eq!(sealer.result_name("a.ppm", &params), "a.sealed");
    params.insert("do".into(), "look".into());
    assert!(sealer.merges(&params));
    assert_eq!(sealer.result_name("a.ppm", &params), "a.tsv");
    assert!(Declared::default().merges(&params), "nothing is declared");
}

#[test]
fn what_is_not_given_is_drawn_once_and_what_is_given_stays() {
    let mut params = Params::new();
    let draw = |bytes: &mut [u8]| -> Result<(), ()> {
        bytes.copy_from_slice(&[0, 0x1f, 0xa0, 0xff]);
        Ok(())
    };
    sealer().draw_missing(&mut params, draw).unwrap();
    assert_eq!(params, Params::from([("salt".into(), "001fa0ff".into())]));
    sealer().draw_missing(&mut params, |_| Err("asked again")).unwrap();
}

#[test]
fn a_declared_result_names_the_file() {
    let mut declared = declared();
    assert_eq!(declared.result_name("sort-prose.txt", &Params::new()), "sort-prose.txt");
    let result = |extension: Option<&str>| {
        let extension = extension.map(str::to_owned);
        Some(ResultDecl { kind: ResultKind::Table, media: None, extension, by_param: None })
    };
    declared.result = result(None);
    assert_eq!(declared.result_name("sort-prose.txt", &Params::new()), "sort-prose.tsv");
    assert_eq!(declared.result_name("sort-prose", &Params::new()), "sort-prose.tsv");
    assert_eq!(declared.result_name("sort-.hidden", &Params::new()), "sort-.tsv");
    assert_eq!(
        declared.result_name("sort-a.sentence of it", &Params::new()),
        "sort-a.sentence of it.tsv"
    );
    declared.result = result(Some("tar.gz"));
    assert_eq!(declared.result_name("a.txt", &Params::new()), "a.tar.gz");
    for bad in ["", "../x", "a/b", ".hidden", "a b", "x\u{1b}"] {
        assert!(result(Some(bad)).unwrap().fault().is_some(), "{bad}");
    }
    assert_eq!(result(Some("tar.gz")).unwrap().fault(), None);
}
