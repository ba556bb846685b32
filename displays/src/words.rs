//! The few words that displays show, in several languages.

use bramble_protocol::board::PowerSource;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Russian, in Latin letters on displays that have no others.
    #[serde(rename = "ru")]
    Russian,
}

/// Words for displays: short, because sixteen characters are all there is.
#[derive(Debug)]
pub(crate) struct Words {
    /// After how many nodes of how many are here.
    pub(crate) up: &'static str,
    /// After how many of them are too hot.
    pub(crate) hot: &'static str,
    /// After how many are missing.
    pub(crate) lost: &'static str,
    /// After how many jobs there are.
    pub(crate) jobs: &'static str,
    /// Above another address.
    pub(crate) also: &'static str,
    /// Above the code by which a class joins.
    pub(crate) class_code: &'static str,
    /// Above an alarm.
    pub(crate) alarm: &'static str,
    /// Where there is no address.
    pub(crate) no_network: &'static str,
    /// While no node is here.
    pub(crate) no_nodes: &'static str,
    /// The head does not run any more.
    pub(crate) off: &'static str,
    measured: &'static str,
    estimated: &'static str,
}

const ENGLISH: Words = Words {
    up: "up",
    hot: "hot",
    lost: "lost",
    jobs: "job",
    also: "Also at",
    class_code: "Class code",
    alarm: "!! LOOK AT",
    no_network: "no network",
    no_nodes: "no nodes yet",
    off: "bramble is off",
    measured: "measured",
    estimated: "estimated",
};

const RUSSIAN: Words = Words {
    up: "вкл",
    hot: "жар",
    lost: "нет",
    jobs: "зад",
    also: "Еще адрес",
    class_code: "Код класса",
    alarm: "!! ПРОВЕРЬТЕ",
    no_network: "нет сети",
    no_nodes: "узлов пока нет",
    off: "bramble выкл.",
    measured: "измерено",
    estimated: "оценка",
};

impl Language {
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Russian => &RUSSIAN,
        }
    }
}

impl Words {
    /// Whether a figure was measured.
    pub(crate) const fn source(&self, source: PowerSource) -> &'static str {
        match source {
            PowerSource::Measured => self.measured,
            PowerSource::Estimated => self.estimated,
        }
    }
}
