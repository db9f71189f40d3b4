use super::*;
use frontdesk_actors::time::SystemClock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Bench {
    writer: Writer,
    told: Arc<Mutex<Vec<String>>>,
    _dir: tempfile::TempDir,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sqlite3");
    let mut db = schema::connect(&path).unwrap();
    schema::migrate(&mut db).unwrap().unwrap();
    // A violated deferred constraint is the one way to make COMMIT itself fail on a healthy disk.
    db.execute_batch(
        "PRAGMA foreign_keys = ON;
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);",
    )
    .unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = told.clone();
    let fatal = Fatal::new(move |what| hook.lock().unwrap().push(what.to_owned()));
    let lock = File::create(dir.path().join("lock")).unwrap();
    let (generation, _) = Generation::open(&db, dir.path(), &path).unwrap();
    let writer = Writer::start((db, generation), lock, Arc::new(SystemClock), fatal).unwrap();
    Bench { writer, told, _dir: dir }
}

fn put(name: &'static str) -> impl FnOnce(&Connection, i64) -> rusqlite::Result<usize> + Send + 'static {
    move |db, _| db.execute("INSERT INTO settings VALUES (?1, '')", [name])
}

fn count(db: &Connection, _: i64) -> rusqlite::Result<i64> {
    db.query_row("SELECT count(*) FROM settings WHERE name NOT LIKE 'store:%'", [], |row| row.get(0))
}

#[tokio::test]
async fn one_bad_write_in_a_group_does_not_touch_the_others() {
    let bench = bench();
    // The gate keeps the writer busy until all three wait, so that they share a transaction.
    let (open, gate) = mpsc::channel::<()>();
    let holding = bench.writer.write(move |_, _| {
        let _ = gate.recv();
        Ok(())
    });
    let half = bench.writer.write(|db, now| {
        put("half")(db, now)?;
        put("half")(db, now)
    });
    let opening = async move { open.send(()).unwrap() };
    let (_, first, half, last, ()) =
        tokio::join!(holding, bench.writer.write(put("first")), half, bench.writer.write(put("last")), opening);
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(half, Err(Failure::NotWritten(_))));
    assert_eq!(bench.writer.write(count).await.unwrap(), 2);
    assert!(bench.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_commit_ends_everything_and_says_so() {
    let bench = bench();
    let broken = bench.writer.write(|db, _| db.execute("INSERT INTO children VALUES (1)", [])).await;
    assert!(matches!(broken, Err(Failure::Unknown(_))));
    assert_eq!(bench.told.lock().unwrap().len(), 1);
    assert!(matches!(bench.writer.write(count).await, Err(Failure::Stopped)));
}

#[tokio::test]
async fn a_panic_of_the_writer_is_fatal() {
    let bench = bench();
    let panicked = bench.writer.write::<()>(|_, _| panic!("on purpose")).await;
    assert!(matches!(panicked, Err(Failure::Stopped)));
    drop(bench.writer);
    assert_eq!(bench.told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_handed_in_is_finished_when_the_writer_is_dropped() {
    let bench = bench();
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let pending: Vec<_> = (0..20)
        .map(|_| {
            let (reply, answer) = oneshot::channel();
            let work = |_: &Connection, _: i64| Ok(RAN.fetch_add(1, Ordering::Relaxed));
            bench.writer.0.send(Box::new(Write { work: Some(work), result: None, erases: false, reply })).unwrap();
            answer
        })
        .collect();
    drop(bench.writer);
    for answer in pending {
        assert!(answer.await.unwrap().is_ok());
    }
    assert_eq!(RAN.load(Ordering::Relaxed), 20);
}
