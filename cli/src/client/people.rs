//! What the API says of people.

use bramble_protocol::account::{
    AccountList, AccountView, AuditList, ClassList, ClassView, CodeAnswer, CodePoll,
    CodePollAnswer, Hidden, IssuedPin, LoginAnswer, LoginRequest, MeView, NewAccount, NewClass,
    RemovedView, RosterAnswer, RosterRequest,
};

use super::Client;
use crate::args::people::AuditArgs;
use crate::error::CliResult;

/// Each call fails when the head refuses it or cannot be reached.
impl Client {
    pub(crate) fn login(&self, request: &LoginRequest) -> CliResult<LoginAnswer> {
        self.post("/login", request)
    }

    pub(crate) fn begin_code(&self) -> CliResult<CodeAnswer> {
        self.post_nothing("/login/code")
    }

    pub(crate) fn poll_code(&self, secret: Hidden) -> CliResult<Option<LoginAnswer>> {
        Ok(self.post::<CodePollAnswer>("/login/code/poll", &CodePoll { secret })?.login)
    }

    pub(crate) fn me(&self) -> CliResult<MeView> {
        self.get("/me")
    }

    pub(crate) fn logout(&self) -> CliResult<()> {
        let request = self.agent.post(self.path("/logout"));
        self.accepted(self.sent(request.send_empty())?).map(drop)
    }

    pub(crate) fn end_session(&self, session: u64) -> CliResult<()> {
        let request = self.agent.delete(self.path(&format!("/me/sessions/{session}")));
        self.accepted(self.sent(request.call())?).map(drop)
    }

    pub(crate) fn accounts(&self) -> CliResult<Vec<AccountView>> {
        Ok(self.get::<AccountList>("/accounts")?.accounts)
    }

    pub(crate) fn add_account(&self, new: &NewAccount) -> CliResult<IssuedPin> {
        self.post("/accounts", new)
    }

    pub(crate) fn reset_pin(&self, name: &str) -> CliResult<IssuedPin> {
        self.post_nothing(&format!("/accounts/{}/reset-pin", segment(name)))
    }

    pub(crate) fn remove_account(&self, name: &str) -> CliResult<RemovedView> {
        self.delete(&format!("/accounts/{}", segment(name)))
    }

    pub(crate) fn classes(&self) -> CliResult<Vec<ClassView>> {
        Ok(self.get::<ClassList>("/classes")?.classes)
    }

    pub(crate) fn add_class(&self, new: &NewClass) -> CliResult<ClassView> {
        self.post("/classes", new)
    }

    pub(crate) fn import_roster(&self, class: &str, roster: String) -> CliResult<RosterAnswer> {
        self.post(&format!("/classes/{}/roster", segment(class)), &RosterRequest { roster })
    }

    pub(crate) fn close_class(&self, name: &str) -> CliResult<ClassView> {
        self.post_nothing(&format!("/classes/{}/close", segment(name)))
    }

    pub(crate) fn remove_class(&self, name: &str) -> CliResult<RemovedView> {
        self.delete(&format!("/classes/{}", segment(name)))
    }

    pub(crate) fn audit(&self, args: &AuditArgs) -> CliResult<AuditList> {
        let mut question = format!("/audit?count={}", args.count);
        let number = args.before.map(|number| ("before", number.to_string()));
        let who = args.who.as_deref().map(|who| ("who", segment(who)));
        let action = args.action.as_deref().map(|action| ("action", segment(action)));
        for (name, value) in [number, who, action].into_iter().flatten() {
            question.push_str(&format!("&{name}={value}"));
        }
        self.get(&question)
    }

    fn delete<T: serde::de::DeserializeOwned>(&self, path: &str) -> CliResult<T> {
        self.read(self.sent(self.agent.delete(self.path(path)).call())?)
    }

    pub(super) fn post_nothing<T: serde::de::DeserializeOwned>(&self, path: &str) -> CliResult<T> {
        self.read(self.sent(self.agent.post(self.path(path)).send_empty())?)
    }
}

/// A name as a part of an address: names have letters of every script.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_of_any_script_is_one_part_of_an_address() {
        assert_eq!(segment("anna-7.b_x"), "anna-7.b_x");
        assert_eq!(segment("Жук/..?#"), "%D0%96%D1%83%D0%BA%2F..%3F%23");
    }
}
