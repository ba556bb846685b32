//! Pages that follow what happens: parts of them, made anew at most once a second, and only while
//! somebody looks.
//!
//! A topic is made of parts, each an element with an id. Whoever looks at the same topic in the
//! same language with the same rights shares what is made. It is sent as server-sent events; a
//! client that is slow gets the newest parts only. Parts are made by the same functions as pages.

mod history;
mod parts;
mod stream;
mod topic;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bramble_protocol::account::Role;
use maud::Markup;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::access::Asker;
use crate::lang::Lang;
use crate::state::Head;

pub(crate) use history::{History, POINTS_MAX, Point};
pub(crate) use stream::send;
pub(crate) use topic::Topic;

use parts::Parts;

/// How often parts are made while somebody looks.
const EVERY: Duration = Duration::from_secs(1);

/// Who is shown a topic, as far as it makes a difference.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// Who asks.
    pub(crate) asker: Asker,
    /// The language.
    pub(crate) lang: Lang,
}

/// A part of a page: an element and its id.
pub(crate) struct Part {
    /// The id of the outermost element.
    pub(crate) id: String,
    /// The element.
    pub(crate) markup: Markup,
}

/// What tells apart what is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    topic: Topic,
    lang: Lang,
    role: Option<Role>,
    /// Empty where all of the role are shown the same.
    user: String,
}

/// What is made at the moment.
#[derive(Default)]
pub(crate) struct Live {
    feeds: Mutex<HashMap<Key, watch::Sender<Arc<Parts>>>>,
}

impl Live {
    fn feeds(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Arc<Parts>>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a feed that nobody follows. Returns whether it did: somebody may have come just now.
    fn close(&self, key: &Key) -> bool {
        let mut feeds = self.feeds();
        let is_over = feeds.get(key).is_none_or(|feed| feed.receiver_count() == 0);
        if is_over {
            feeds.remove(key);
        }
        is_over
    }
}

/// Follows a topic; whoever is the first sets it going.
fn follow(head: &Head, topic: &Topic, viewer: &Viewer) -> watch::Receiver<Arc<Parts>> {
    let user = if topic.is_personal() { viewer.asker.name().to_owned() } else { String::new() };
    let key = Key { topic: topic.clone(), lang: viewer.lang, role: viewer.asker.role(), user };
    let mut feeds = head.live.feeds();
    if let Some(feed) = feeds.get(&key) {
        return feed.subscribe();
    }
    let (sender, receiver) = watch::channel(Arc::new(Parts::default()));
    feeds.insert(key.clone(), sender);
    drop(feeds);
    tokio::spawn(feed(head.clone(), key, viewer.clone()));
    receiver
}

/// Makes the parts of one topic until nobody follows it.
async fn feed(head: Head, key: Key, viewer: Viewer) {
    let mut ticks = interval_at(Instant::now(), EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if head.live.close(&key) {
            return;
        }
        let made = key.topic.parts(&head, &viewer).await;
        let feeds = head.live.feeds();
        let Some(sender) = feeds.get(&key) else { return };
        sender.send_if_modified(|parts| match parts.followed_by(made) {
            Some(next) => {
                *parts = Arc::new(next);
                true
            }
            None => false,
        });
    }
}
