//! One entry for each route.

use bramble_protocol::Order;
use bramble_protocol::account::{
    AccountList, AuditList, ClassList, ClassView, CodeAnswer, CodeConfirm, CodePoll,
    CodePollAnswer, IssuedPin, LoginAnswer, LoginRequest, MeView, NewAccount, NewClass,
    RemovedView, RosterAnswer, RosterRequest,
};
use bramble_protocol::api::{
    HeadView, JobList, JobView, JournalCopy, LogList, MissingRequest, MissingResponse,
    ModuleResponse, NodeList, NodeView, PreviewList, ResultView, SecretsRequest, StoredResponse,
    SubmitRequest,
};
use bramble_protocol::attempts::Attempts;
use bramble_protocol::explain::{Explanation, QueueView};
use bramble_protocol::gc::{GcRequest, GcView};
use bramble_protocol::inputs::{GalleryView, InputRequest, InputView};
use bramble_protocol::join::{
    AdmissionList, AdmissionView, IssuedJoinToken, JoinTokenList, NewJoinToken,
};
use bramble_protocol::order::DrainRequest;
use bramble_protocol::power::PowerList;
use bramble_protocol::report::ReportView;
use bramble_protocol::user::UserList;

use super::operation::Operation;

/// All of them, in the order in which they are documented.
pub(super) fn operations() -> Vec<Operation> {
    [head(), people(), classes(), objects(), uploads(), jobs(), watching(), nodes(), queue()]
        .into_iter()
        .flatten()
        .collect()
}

fn head() -> Vec<Operation> {
    let get = Operation::get;
    vec![
        get("/healthz", "healthy", "Whether the head lives")
            .gives_media("text/plain; charset=utf-8", "It does.")
            .open(),
        get("/readyz", "ready", "Whether its scheduler answers")
            .gives_media("text/plain; charset=utf-8", "It does.")
            .open(),
        get("/metrics", "metrics", "The cluster in numbers, for Prometheus")
            .gives_media(crate::metrics::MEDIA, "Its text format."),
        get("/api/v1", "head", "Who answers").gives::<HeadView>("The head."),
        get("/api/v1/openapi.json", "openapi", "This document")
            .gives::<serde_json::Map<String, serde_json::Value>>("The document.")
            .open(),
        Operation::post(
            "/api/v1/backup",
            "copyJournal",
            "Copy the journal into the data directory",
        )
        .gives::<JournalCopy>("What the copy is called.")
        .or(&[507]),
        Operation::post("/api/v1/gc", "collect", "Remove what nobody needs")
            .takes::<GcRequest>()
            .gives::<GcView>("What is stored, and what was removed or would be."),
    ]
}

fn people() -> Vec<Operation> {
    let (get, post, delete) = (Operation::get, Operation::post, Operation::delete);
    vec![
        post("/api/v1/login", "login", "Begin a session with a name and a PIN")
            .takes::<LoginRequest>()
            .gives::<LoginAnswer>("The session.")
            .or(&[401, 409, 429])
            .open(),
        post("/api/v1/login/code", "beginCode", "Ask to be let in from a browser")
            .gives::<CodeAnswer>("What to show, and what to ask with.")
            .or(&[429])
            .open(),
        post("/api/v1/login/code/poll", "pollCode", "Has somebody confirmed the code?")
            .takes::<CodePoll>()
            .gives::<CodePollAnswer>("The session, once somebody has.")
            .or(&[404])
            .open(),
        post("/api/v1/login/code/confirm", "confirmCode", "Let a program in")
            .takes::<CodeConfirm>()
            .gives_nothing(204, "It goes on.")
            .or(&[404]),
        post("/api/v1/logout", "logout", "End the session that asks")
            .gives_nothing(204, "It is over.")
            .or(&[404]),
        get("/api/v1/me", "me", "Who asks").gives::<MeView>("That, and his sessions.").open(),
        delete("/api/v1/me/sessions/{session}", "endSession", "End a session of whoever asks")
            .gives_nothing(204, "It is over.")
            .or(&[404]),
        get("/api/v1/accounts", "accounts", "The accounts that whoever asks looks after")
            .gives::<AccountList>("By name."),
        post("/api/v1/accounts", "addAccount", "Make an account")
            .takes::<NewAccount>()
            .gives_as::<IssuedPin>(201, "A PIN for the first time.")
            .or(&[404, 409]),
        delete("/api/v1/accounts/{name}", "removeAccount", "Remove somebody with all that is his")
            .gives::<RemovedView>("What is gone, or goes at the next collection.")
            .or(&[404, 409]),
        post("/api/v1/accounts/{name}/reset-pin", "resetPin", "Give somebody another PIN")
            .gives::<IssuedPin>("A PIN for the first time.")
            .or(&[404]),
        get("/api/v1/audit", "audit", "What was done, by whom, from where")
            .asks(&["count", "before", "who", "action"])
            .gives::<AuditList>("The latest first."),
    ]
}

fn classes() -> Vec<Operation> {
    let (get, post) = (Operation::get, Operation::post);
    vec![
        get("/api/v1/classes", "classes", "The classes of whoever asks")
            .gives::<ClassList>("By name."),
        post("/api/v1/classes", "addClass", "Make a class")
            .takes::<NewClass>()
            .gives_as::<ClassView>(201, "The class, with its code.")
            .or(&[404, 409]),
        post("/api/v1/classes/{name}/roster", "importRoster", "Put all on a roster into a class")
            .takes::<RosterRequest>()
            .gives::<RosterAnswer>("Who is new, with their first PINs, and who was there.")
            .or(&[404, 409]),
        post("/api/v1/classes/{name}/close", "closeClass", "Close a class")
            .gives::<ClassView>("The class, without a code.")
            .or(&[404, 409]),
        Operation::delete(
            "/api/v1/classes/{name}",
            "removeClass",
            "Remove a class with its students",
        )
        .gives::<RemovedView>("What is gone, or goes at the next collection.")
        .or(&[404, 409]),
    ]
}

fn objects() -> Vec<Operation> {
    let (get, post) = (Operation::get, Operation::post);
    vec![
        post("/api/v1/modules", "uploadModule", "Send a module")
            .takes_bytes()
            .gives::<ModuleResponse>("What it is.")
            .or(&[422, 507]),
        post("/api/v1/objects/missing", "missingObjects", "Which of these objects must be sent?")
            .takes::<MissingRequest>()
            .gives::<MissingResponse>("Those."),
        post("/api/v1/objects", "uploadPack", "Send a pack of objects")
            .takes_bytes()
            .gives::<StoredResponse>("All are stored.")
            .or(&[507]),
        get("/api/v1/objects/{digest}", "object", "The bytes of an object")
            .gives_file("They are.")
            .or(&[404]),
    ]
}

fn uploads() -> Vec<Operation> {
    const ONE: &str = "/api/v1/uploads/{upload}";
    let (post, other) = (Operation::post, Operation::other);
    vec![
        other("options", "/api/v1/uploads", "uploadOptions", "What of tus 1.0.0 there is")
            .gives_nothing(204, "The headers say it."),
        post("/api/v1/uploads", "beginUpload", "Begin a file that comes piece by piece")
            .with_headers(&["tus-resumable", "upload-length"])
            .gives_nothing(201, "`Location` is its address.")
            .or(&[412, 413, 507]),
        other("head", ONE, "uploadOffset", "How much of a file is here")
            .gives_nothing(204, "`Upload-Offset` says it.")
            .or(&[404]),
        other("patch", ONE, "appendUpload", "The next piece of a file")
            .with_headers(&["tus-resumable", "upload-offset"])
            .takes_media("application/offset+octet-stream")
            .gives_nothing(204, "`Upload-Offset` says how much is here now.")
            .or(&[404, 409, 412, 413, 415, 507]),
        Operation::delete(ONE, "removeUpload", "A file is not wanted any more")
            .gives_nothing(204, "It is gone.")
            .or(&[404]),
        post("/api/v1/inputs", "cutInput", "Cut a file that was uploaded into a job's chunks")
            .takes::<InputRequest>()
            .gives::<InputView>("The manifest to submit with.")
            .or(&[404, 409, 422, 507]),
        Operation::get("/api/v1/gallery", "gallery", "The examples that come with the program")
            .gives::<GalleryView>("By name."),
    ]
}

fn jobs() -> Vec<Operation> {
    let (get, post) = (Operation::get, Operation::post);
    vec![
        post("/api/v1/jobs", "submit", "Submit a job")
            .takes::<SubmitRequest>()
            .gives_as::<JobView>(201, "It is in the journal.")
            .or(&[404, 409, 422, 429, 507]),
        get("/api/v1/jobs", "jobs", "All jobs, newest first").gives::<JobList>("They are."),
        get("/api/v1/jobs/{id}", "job", "One job").gives::<JobView>("It is.").or(&[404]),
        post("/api/v1/jobs/{id}/cancel", "cancel", "Stop a job")
            .gives::<JobView>("It is stopped.")
            .or(&[404, 409]),
        post("/api/v1/jobs/{id}/retry", "retry", "Submit a job that did not succeed once more")
            .may_take::<SecretsRequest>()
            .gives_as::<JobView>(201, "The new one.")
            .or(&[404, 409, 422, 429, 507]),
        post("/api/v1/jobs/{id}/secrets", "giveSecrets", "Give a job its secrets again")
            .takes::<SecretsRequest>()
            .gives::<JobView>("It goes on.")
            .or(&[404, 409, 422]),
        get("/api/v1/jobs/{id}/result", "result", "The chunks of a job's result")
            .gives::<ResultView>("They are, in order.")
            .or(&[404, 409]),
        get("/api/v1/jobs/{id}/result/file", "resultFile", "A job's result as one file")
            .gives_file("All chunks, one after the other.")
            .or(&[404, 409]),
        get("/api/v1/jobs/{id}/result/{index}", "resultChunk", "The bytes of one of them")
            .gives_file("They are.")
            .or(&[404, 409]),
    ]
}

fn watching() -> Vec<Operation> {
    let get = Operation::get;
    vec![
        get("/api/v1/jobs/{id}/events", "events", "A job at each change, until it ends")
            .gives_media("text/event-stream", "Events called `job`, each with the job as JSON.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/logs", "logs", "What its attempts logged and used")
            .gives::<LogList>("In the order in which they ended.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/attempts", "attempts", "When its attempts ran, and where")
            .asks(&["since"])
            .gives::<Attempts>("Those that ended after the first `since`, the latest of them.")
            .or(&[400, 404]),
        get("/api/v1/jobs/{id}/attempts.csv", "attemptsTable", "The same as a table")
            .gives_media("text/csv", "A line for each, under a line of names.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/trace.json", "trace", "The same as a trace")
            .gives_media("application/json", "Chrome's trace event format.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/previews", "previews", "What its tasks have shown")
            .gives::<PreviewList>("The last preview of each task.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/previews/{index}", "preview", "The bytes of a preview")
            .gives_media("*/*", "They are, as a type of a closed list.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/view/{what}", "view", "The result or the input as a small picture")
            .gives_media("image/png", "`result.png`, `input.png` or `waterfall.png`.")
            .gives_nothing(304, "Whoever asks has it.")
            .or(&[404, 409]),
        get("/api/v1/jobs/{id}/tasks/{index}/bundle", "bundle", "All about a task that failed")
            .gives_media("application/x-tar", "A tar file.")
            .or(&[404, 409]),
        get("/api/v1/jobs/{id}/explain", "explainJob", "What a job waits for")
            .gives::<Explanation>("That, and what each node is to it.")
            .or(&[404]),
        get("/api/v1/jobs/{id}/tasks/{index}/explain", "explainTask", "Why a task runs or waits")
            .gives::<Explanation>("That, and what each node is to it.")
            .or(&[404]),
    ]
}

fn nodes() -> Vec<Operation> {
    let (get, post) = (Operation::get, Operation::post);
    vec![
        get("/api/v1/nodes", "nodes", "All nodes").gives::<NodeList>("By name."),
        post("/api/v1/nodes/{name}/drain", "drain", "Give a node no more work")
            .takes::<DrainRequest>()
            .gives::<NodeView>("The node.")
            .or(&[404, 422]),
        post("/api/v1/nodes/{name}/undrain", "undrain", "Give a node work again")
            .gives::<NodeView>("The node.")
            .or(&[404, 422]),
        get("/api/v1/nodes/tokens", "joinTokens", "The tokens by which nodes can join")
            .gives::<JoinTokenList>("Those that can still be used, without their secrets."),
        post("/api/v1/nodes/tokens", "newJoinToken", "Make a token by which nodes join")
            .takes::<NewJoinToken>()
            .gives_as::<IssuedJoinToken>(201, "The token, shown this once.")
            .or(&[409]),
        Operation::delete("/api/v1/nodes/tokens/{id}", "revokeJoinToken", "Make a token useless")
            .gives_nothing(204, "It is.")
            .or(&[404]),
        get("/api/v1/nodes/admissions", "admissions", "Which nodes may work")
            .gives::<AdmissionList>("All that ever asked to join."),
        post("/api/v1/nodes/{name}/approve", "approveNode", "Let a node work")
            .gives::<AdmissionView>("The node.")
            .or(&[404]),
        post("/api/v1/nodes/{name}/reject", "rejectNode", "Let a node work no more")
            .gives::<AdmissionView>("The node.")
            .or(&[404]),
        post("/api/v1/nodes/{name}/remove", "removeNode", "Kill a node's key")
            .gives::<AdmissionView>("The node.")
            .or(&[404]),
        get("/api/v1/agent", "agent", "The connection of an agent")
            .gives_nothing(101, "Messages of `protocol/src/agent.rs`, both ways.")
            .or(&[426]),
    ]
}

fn queue() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/queue", "queue", "The order in which jobs get slots")
            .gives::<QueueView>("With the numbers that make it."),
        Operation::get("/api/v1/report", "report", "What jobs have taken, in sums")
            .asks(&["by", "since"])
            .gives::<ReportView>("By user, class, job or node; of those that one may see.")
            .or(&[400]),
        Operation::get("/api/v1/power", "power", "Nodes that can be switched on and off")
            .gives::<PowerList>("Where each is between off and on."),
        Operation::get("/api/v1/users", "users", "Users, and what each may have")
            .gives::<UserList>("By name."),
        Operation::post("/api/v1/orders", "order", "Tell the scheduler something")
            .takes::<Order>()
            .gives::<Option<JobView>>("The job that it is about, or null.")
            .or(&[404, 409, 422]),
    ]
}
