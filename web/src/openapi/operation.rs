//! What is said of one route.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Has a generator describe a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path.
pub(super) struct Operation {
    /// As in the document: `get`.
    pub(super) method: &'static str,
    /// The whole path, with its parameters in braces.
    pub(super) path: &'static str,
    /// Its name in programs that are made from the document.
    pub(super) id: &'static str,
    /// What it does, in one sentence.
    pub(super) about: &'static str,
    /// Its body.
    pub(super) takes: Takes,
    /// What it answers when all is well.
    pub(super) gives: Vec<Gives>,
    /// What may be wrong, beside what may be wrong everywhere.
    pub(super) problems: Vec<u16>,
    /// Names of what may be asked in its address.
    /// Headers that must be there.
    pub(super) headers: &'static [&'static str],
    pub(super) asks: &'static [&'static str],
    /// Whether it needs no account.
    pub(super) is_open: bool,
}

/// The body of a request.
pub(super) enum Takes {
    /// None.
    Nothing,
    /// One that must be there.
    Always(Content),
    /// One that may be left out.
    Maybe(Content),
}

/// What a body is.
pub(super) enum Content {
    /// There is none.
    Nothing,
    /// JSON of some type.
    Json(SchemaOf),
    /// Bytes of a media type.
    Of(&'static str),
}

/// One sort of success.
pub(super) struct Gives {
    /// The status.
    pub(super) status: u16,
    /// What it means.
    pub(super) about: &'static str,
    /// The body.
    pub(super) content: Content,
}

impl Operation {
    fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        about: &'static str,
    ) -> Self {
        let (takes, gives, problems) = (Takes::Nothing, Vec::new(), Vec::new());
        Self {
            method,
            path,
            id,
            about,
            takes,
            gives,
            problems,
            asks: &[],
            headers: &[],
            is_open: false,
        }
    }

    /// A look at something.
    pub(super) fn get(path: &'static str, id: &'static str, about: &'static str) -> Self {
        Self::new("get", path, id, about)
    }

    /// Any other call.
    pub(super) fn other(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(method, path, id, about)
    }

    /// The removal of something.
    pub(super) fn delete(path: &'static str, id: &'static str, about: &'static str) -> Self {
        Self::new("delete", path, id, about)
    }

    /// A change of something.
    pub(super) fn post(path: &'static str, id: &'static str, about: &'static str) -> Self {
        Self::new("post", path, id, about)
    }

    /// With a body of JSON.
    pub(super) fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Takes::Always(Content::Json(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// With a body of JSON that may be left out.
    pub(super) fn may_take<T: JsonSchema>(mut self) -> Self {
        self.takes = Takes::Maybe(Content::Json(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// With a body of bytes.
    pub(super) fn takes_bytes(mut self) -> Self {
        self.takes = Takes::Always(Content::Of("application/octet-stream"));
        self
    }

    /// With a body of bytes of a media type of their own.
    pub(super) fn takes_media(mut self, media: &'static str) -> Self {
        self.takes = Takes::Always(Content::Of(media));
        self
    }

    /// With headers that must be there.
    pub(super) fn with_headers(mut self, names: &'static [&'static str]) -> Self {
        self.headers = names;
        self
    }

    /// Answers with 200 and JSON.
    pub(super) fn gives<T: JsonSchema>(self, about: &'static str) -> Self {
        self.gives_as::<T>(200, about)
    }

    /// Answers with a status and JSON.
    pub(super) fn gives_as<T: JsonSchema>(self, status: u16, about: &'static str) -> Self {
        let content = Content::Json(SchemaGenerator::subschema_for::<T>);
        self.answers(Gives { status, about, content })
    }

    /// Answers with 200 and bytes of a media type.
    pub(super) fn gives_media(self, media: &'static str, about: &'static str) -> Self {
        self.answers(Gives { status: 200, about, content: Content::Of(media) })
    }

    /// Answers with bytes of which one can have a part, and which nobody is sent who has them.
    pub(super) fn gives_file(self, about: &'static str) -> Self {
        const MEDIA: &str = "application/octet-stream";
        let part = "The part that `Range` names; `Content-Range` says which it is.";
        self.gives_media(MEDIA, about)
            .answers(Gives { status: 206, about: part, content: Content::Of(MEDIA) })
            .gives_nothing(304, "Whoever asks has them: `If-None-Match` names their `ETag`.")
            .or(&[412, 416])
    }

    /// Answers with a status alone.
    pub(super) fn gives_nothing(self, status: u16, about: &'static str) -> Self {
        self.answers(Gives { status, about, content: Content::Nothing })
    }

    fn answers(mut self, answer: Gives) -> Self {
        self.gives.push(answer);
        self
    }

    /// What may be wrong.
    pub(super) fn or(mut self, problems: &[u16]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// With questions in its address, none of which must be there.
    pub(super) fn asks(mut self, names: &'static [&'static str]) -> Self {
        self.asks = names;
        self
    }

    /// Needs no account.
    pub(super) fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// What it is about: the first part of its path, after the version.
    pub(super) fn group(&self) -> &'static str {
        let rest = self.path.strip_prefix("/api/v1/").unwrap_or_default();
        match rest.split('/').next() {
            Some(group) if !group.is_empty() => group,
            _ => "head",
        }
    }

    /// Whether it answers with a new job.
    pub(super) fn makes_a_job(&self) -> bool {
        self.path.starts_with("/api/v1/jobs") && self.gives.iter().any(|it| it.status == 201)
    }

    /// The parameters in its path.
    pub(super) fn parameters(&self) -> Vec<Value> {
        let names =
            self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let asked = self.asks.iter().map(|name| question(name));
        names.map(parameter).chain(asked).chain(self.headers.iter().map(|it| header(it))).collect()
    }
}

fn parameter(name: &str) -> Value {
    let number = |bits: u32| {
        let most = if bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
        json!({ "type": "integer", "format": format!("uint{bits}"), "minimum": 0, "maximum": most })
    };
    let (about, schema) = match name {
        "id" => ("The number of a job.", number(64)),
        "index" => {
            ("The number of a task in its job, or of a chunk in its result, from 0.", number(32))
        }
        "session" => ("The number of a session.", number(64)),
        "digest" => ("The name of an object.", json!({ "$ref": "#/components/schemas/Digest" })),
        "name" => ("A name.", json!({ "type": "string", "minLength": 1 })),
        _ => ("", json!({ "type": "string", "minLength": 1 })),
    };
    json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
}

fn question(name: &str) -> Value {
    let schema = match name {
        "count" | "before" | "since" => {
            json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
        }
        "by" => json!({ "type": "string", "enum": ["user", "class", "job", "node"] }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "query", "required": false, "schema": schema })
}

fn header(name: &str) -> Value {
    let schema = match name {
        "tus-resumable" => json!({ "type": "string", "const": "1.0.0" }),
        _ => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
    };
    json!({ "name": name, "in": "header", "required": true, "schema": schema })
}

/// What a status of 400 or more says.
pub(super) const fn problem_about(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed.",
        401 => "It needs an account, and none was named.",
        403 => "It may not be asked from there, or not by this account.",
        404 => "There is none, or none that this account may see.",
        409 => "Not in the state that it is in.",
        412 => "Not the one that `If-Match` names, or not the version of tus.",
        413 => "Longer than allowed.",
        415 => "Another media type than this call takes.",
        416 => "The range lies behind the end.",
        422 => "Understood, but it cannot be done as it is.",
        429 => "A limit is reached; the title names it.",
        500 => "A fault of the head, which it has logged, or a damaged object.",
        503 => "Too much to do; try again later.",
        507 => "The head's disk is full.",
        _ => "It could not be done.",
    }
}
