//! What only the embedded store can show: a directory in use, and a file that outlives the process.

use crate::fixture::{LONG, bytes, commit, embedded, eventually, key, node, put, take, waking};
use crate::scanning::all;
use frontdesk::adapters::store::embedded::{EmbeddedReader, EmbeddedSettings, EmbeddedStore, OpenError};
use frontdesk_actors::ports::{Commit, CommitOutcome, MemoryWrite, Quota, Store};
use frontdesk_actors::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that a test moves.
#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let (store, dir) = embedded();
    put(&store, &Commit { journal: vec![bytes("j")], ..waking(&key(1), 0, &node("a", 1), Duration::ZERO) }).await;
    store.put_setting("name", "value").await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap();
    assert_eq!(store.load(&key(1)).await.unwrap().unwrap().version, 1);
    assert_eq!(store.journal(&key(1), 9).await.unwrap(), [bytes("j")]);
    assert_eq!(store.setting("name").await.unwrap().as_deref(), Some("value"));
    let due = take(&store, &node("a", 2), LONG).await;
    assert_eq!((due.len(), due[0].taken_over), (1, true));
}

#[tokio::test]
async fn a_directory_in_use_is_refused_and_named() {
    let (_store, dir) = embedded();
    let error = EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap_err();
    assert!(matches!(&error, OpenError::InUse { pid, .. } if *pid == Some(std::process::id())), "{error:?}");
    assert!(error.to_string().contains("DATA_DIR"));
}

#[tokio::test]
async fn a_file_replaced_by_an_older_one_is_noticed() {
    let (store, dir) = embedded();
    put(&store, &commit(&key(1), 0, "first")).await;
    drop(store);
    let file = dir.path().join("frontdesk.sqlite3");
    let backup = std::fs::read(&file).unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap();
    put(&store, &commit(&key(1), 1, "second")).await;
    drop(store);
    std::fs::write(&file, backup).unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap();
    let outcome = store.commit(&commit(&key(1), 2, "third")).await;
    assert!(matches!(outcome, CommitOutcome::Regressed { version: 1 }), "{outcome:?}");
}

#[tokio::test]
async fn a_backup_that_was_put_back_is_a_run_of_its_own_from_then_on() {
    let open = |dir: &std::path::Path| EmbeddedStore::open(dir, EmbeddedSettings::default()).unwrap();
    let (store, dir) = embedded();
    put(&store, &commit(&key(1), 0, "first")).await;
    assert_eq!(store.run(), None, "nothing was ever forgotten");
    drop(store);
    let [database, number] = ["frontdesk.sqlite3", "frontdesk.generation"].map(|name| dir.path().join(name));
    let backup = std::fs::read(&database).unwrap();
    let store = open(dir.path());
    assert_eq!(store.run(), None, "it was only started again");
    put(&store, &commit(&key(1), 1, "second")).await;
    drop(store);
    std::fs::write(&database, &backup).unwrap();
    let store = open(dir.path());
    let run = store.run().expect("it is an older file");
    assert_ne!(store.load(&key(1)).await.unwrap().unwrap().commit.run(), run, "its records are from before");
    drop(store);
    assert_eq!(open(dir.path()).run(), Some(run), "it stays so");
    // Put back once more, it is another.
    std::fs::write(&database, &backup).unwrap();
    let again = open(dir.path()).run();
    assert!(again.is_some() && again != Some(run), "{again:?}");
    // A backup in a new directory has no file beside it.
    std::fs::remove_file(&number).unwrap();
    let moved = open(dir.path()).run();
    assert!(moved.is_some() && moved != again, "{moved:?}");
}

#[tokio::test]
async fn a_store_in_use_is_read_beside_its_owner_and_a_lost_record_is_found() {
    let (store, dir) = embedded();
    for id in 1..=3 {
        put(&store, &waking(&key(id), 0, &node("a", 1), LONG)).await;
    }
    let beside = EmbeddedReader::open(dir.path()).unwrap();
    assert_eq!(all(&beside, 2, async || {}).await, all(&store, 2, async || {}).await);
    put(&store, &commit(&key(4), 0, "new")).await;
    let meddler = rusqlite::Connection::open(dir.path().join("frontdesk.sqlite3")).unwrap();
    meddler.execute("DELETE FROM conversations WHERE key = ?1", [key(1).as_str()]).unwrap();
    for found in [all(&beside, 1, async || {}).await, all(&store, 1, async || {}).await] {
        assert_eq!(found.len(), 4);
        assert!(found[&key(1)].stored.is_none() && found[&key(1)].wake.is_some(), "{:?}", found[&key(1)]);
        assert!(found[&key(2)].stored.is_some());
    }
    drop(store);
    assert_eq!(all(&beside, 9, async || {}).await.len(), 4, "it is read without its owner as well");
    let nothing = tempfile::tempdir().unwrap();
    let error = EmbeddedReader::open(nothing.path()).unwrap_err();
    assert!(error.to_string().contains("DATA_DIR"), "{error}");
    assert_eq!(std::fs::read_dir(nothing.path()).unwrap().count(), 0, "nothing is made");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("frontdesk.sqlite3"), "not a database, but long enough to be read as one").unwrap();
    let error = EmbeddedStore::open(dir.path(), EmbeddedSettings::default()).unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
}

/// A commit that says something `times` times over, in everything that is kept of a conversation.
fn saying(of: u64, expected: u64, words: &str, times: usize) -> Commit {
    let said = bytes(words.repeat(times));
    let memory = MemoryWrite::Put { value: said.clone().into(), ttl: LONG };
    let (record, journal) = (said.clone(), vec![said.clone()]);
    Commit { record, memory, journal, summary: said, ..commit(&key(of), expected, "") }
}

/// Returns how often a word stands in the files of a store.
fn on_disk(dir: &std::path::Path, word: &str) -> usize {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let read = files.filter_map(|file| std::fs::read(file).ok());
    read.map(|bytes| bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count()).sum()
}

#[tokio::test]
async fn what_was_erased_stands_in_no_file_any_more() {
    let (store, dir) = embedded();
    // Small and large ones among others, written over and over: whole pages, parts of pages, chains of pages.
    for version in 0..8 {
        for of in 1..=40 {
            let times = usize::try_from((of * 7 + version * 13) % 90).unwrap() * 4 + 1;
            let words = if of == 20 { "theirsecret " } else { "anothersword " };
            put(&store, &saying(of, version, words, times)).await;
        }
    }
    store.append_feed(&key(20), "a", bytes("theirsecret".repeat(900))).await.unwrap();
    store.park(&key(20), bytes("theirsecret".repeat(90))).await.unwrap();
    assert!(on_disk(dir.path(), "theirsecret") > 0, "it is looked for in the right place");
    put(&store, &Commit { memory: MemoryWrite::Erase, ..commit(&key(20), 8, "forgotten") }).await;
    store.erase_traces(&key(20)).await.unwrap();
    assert_eq!(on_disk(dir.path(), "theirsecret"), 0);
    store.erase(&key(21)).await.unwrap();
    assert!(on_disk(dir.path(), "anothersword") > 0, "others are kept");
    drop(store);
    assert_eq!(on_disk(dir.path(), "theirsecret"), 0);
}

#[tokio::test]
async fn an_erasure_does_not_wait_for_a_backup_and_ends_in_the_files_with_the_store() {
    let (store, dir) = embedded();
    put(&store, &saying(1, 0, "theirsecret ", 50)).await;
    let mut backup = rusqlite::Connection::open(dir.path().join("frontdesk.sqlite3")).unwrap();
    let reading = backup.transaction().unwrap();
    let _: i64 = reading.query_row("SELECT count(*) FROM conversations", [], |row| row.get(0)).unwrap();
    tokio::time::timeout(Duration::from_secs(3), store.erase(&key(1))).await.unwrap().unwrap();
    assert!(on_disk(dir.path(), "theirsecret") > 0, "the backup still reads it");
    reading.rollback().unwrap();
    drop(backup);
    drop(store);
    assert_eq!(on_disk(dir.path(), "theirsecret"), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_customers_wrote() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/data");
    let store = EmbeddedStore::open(&dir, EmbeddedSettings::default()).unwrap();
    put(&store, &commit(&key(1), 0, "first")).await;
    for name in ["", "frontdesk.sqlite3", "frontdesk.sqlite3-wal"] {
        let mode = std::fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name:?} has mode {mode:o}");
    }
}

#[tokio::test]
async fn records_live_for_months_and_quotas_for_their_window() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let settings = EmbeddedSettings { clock: clock.clone(), ..EmbeddedSettings::default() };
    let store = EmbeddedStore::open(dir.path(), settings).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let pass = |time: Duration| clock.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    let daily = [Quota { key: "address".into(), limit: 1, window: day }];
    put(&store, &Commit { journal: vec![bytes("old")], ..commit(&key(1), 0, "first") }).await;
    put(&store, &waking(&key(2), 0, &node("a", 1), day * 30)).await;
    assert_eq!(store.take_quota(&daily).await.unwrap(), None);
    pass(day);
    assert_eq!(store.take_quota(&daily).await.unwrap(), Some(0));
    pass(Duration::from_millis(1));
    assert_eq!(store.take_quota(&daily).await.unwrap(), None);
    pass(day * 178);
    assert!(store.load(&key(1)).await.unwrap().is_some());
    pass(day);
    assert_eq!(store.load(&key(1)).await.unwrap(), None);
    assert!(store.load(&key(2)).await.unwrap().is_some(), "a record outlives its own wake-up");
    assert_eq!(put(&store, &Commit { journal: vec![bytes("new")], ..commit(&key(1), 0, "again") }).await, 1);
    assert_eq!(store.journal(&key(1), 9).await.unwrap(), [bytes("new")]);
    eventually("the due wake-up is taken", || async {
        (store.take_due(&node("a", 1), LONG, 9).await.unwrap().len() == 1).then_some(())
    })
    .await;
}
