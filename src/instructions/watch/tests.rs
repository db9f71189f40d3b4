use super::*;
use async_trait::async_trait;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::testkit::MemoryStore;
use frontdesk_actors::time::SystemClock;
use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use tempfile::TempDir;

/// A document that says what it is told to, and at the end the last of it for ever.
#[derive(Debug)]
struct Scripted(Mutex<VecDeque<Read>>);

impl Scripted {
    fn of(script: &[Result<&str, &str>]) -> Arc<Self> {
        let owned = |read: &Result<&str, &str>| read.map(str::to_owned).map_err(str::to_owned);
        Arc::new(Self(Mutex::new(script.iter().map(owned).collect())))
    }
}

#[async_trait]
impl Document for Scripted {
    async fn fetch(&self) -> Read {
        let mut script = self.0.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script.front().cloned().unwrap() }
    }

    fn name(&self) -> String {
        "doc-1".to_owned()
    }
}

fn files(home: &Path) -> Files {
    Files { prompt_file: None, folder: home.join("bot_instructions") }
}

fn text(watch: &Watch, channel: &str) -> String {
    watch.book().text(&ConversationKey::new(channel, 1, 1), "5").to_string()
}

async fn open(home: &TempDir, script: &[Result<&str, &str>]) -> Arc<Watch> {
    let document: Arc<dyn Document> = Scripted::of(script);
    let kept = Kept::in_dir(home.path());
    Watch::open(files(home.path()), Some((document, kept)), Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn a_change_is_taken_when_it_has_stood_for_two_looks() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("bot_instructions");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("shared_instructions.txt"), "one").unwrap();
    let watch = Watch::open(files(home.path()), None, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(text(&watch, "web"), "one", "at the start it is taken at once");
    fs::write(folder.join("shared_instructions.txt"), "tw").unwrap();
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "one");
    fs::write(folder.join("shared_instructions.txt"), "two").unwrap();
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "one", "it was being written");
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "two");
    fs::write(folder.join("web.md"), "for the page").unwrap();
    watch.reload(false).await;
    assert_eq!((text(&watch, "web").as_str(), text(&watch, "chatwoot").as_str()), ("for the page", "two"));
    fs::write(folder.join("web.md"), " ").unwrap();
    watch.look_at_files(false).await;
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "for the page", "an empty file is refused");
    fs::remove_file(folder.join("web.md")).unwrap();
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "for the page");
    watch.look_at_files(false).await;
    assert_eq!(text(&watch, "web"), "two", "a file that was taken away");
}

#[tokio::test]
async fn a_named_file_must_be_there_at_the_start_and_may_vanish_later() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("prompt.md");
    let named = Files { prompt_file: Some(path.clone()), ..files(home.path()) };
    let opened = Watch::open(named.clone(), None, Arc::new(SystemClock)).await;
    assert!(opened.is_err_and(|error| error.to_string().contains("prompt.md") && error.to_string().contains("rights")));
    fs::write(&path, "\u{feff} \n").unwrap();
    let opened = Watch::open(named.clone(), None, Arc::new(SystemClock)).await;
    assert!(opened.is_err_and(|error| error.to_string().contains("no text")));
    fs::write(&path, "You sell tea.").unwrap();
    let watch = Watch::open(named, None, Arc::new(SystemClock)).await.unwrap();
    fs::remove_file(&path).unwrap();
    watch.reload(false).await;
    assert_eq!(text(&watch, "web"), "You sell tea.");
    assert_eq!(watch.book().shown(watch.now())[0].trouble.as_ref().map(|trouble| trouble.kind), Some("unreadable"));
}

#[tokio::test]
async fn the_last_good_copy_of_the_document_survives_a_restart_without_a_network() {
    let home = tempfile::tempdir().unwrap();
    let good = "You sell tea, and nothing but tea.";
    let watch = open(&home, &[Ok(good), Ok(""), Ok("You"), Err("away")]).await;
    assert_eq!(text(&watch, "web"), good, "without a copy the start waits for it");
    for refused in ["empty", "shrunken", "unreadable"] {
        watch.reload(false).await;
        let shown = watch.book().shown(watch.now()).remove(0);
        assert_eq!((shown.trouble.map(|trouble| trouble.kind), text(&watch, "web").as_str()), (Some(refused), good));
    }
    let again = open(&home, &[Err("away")]).await;
    assert_eq!(text(&again, "web"), good);
    let shrunken = open(&home, &[Ok("You"), Ok("You")]).await;
    shrunken.reload(false).await;
    assert_eq!(text(&shrunken, "web"), good);
    shrunken.reload(true).await;
    assert_eq!(text(&shrunken, "web"), "You", "an operator said that it is meant");
    assert_eq!(text(&*open(&home, &[Err("away")]).await, "web"), "You");
}

#[tokio::test]
async fn an_order_reaches_the_other_nodes_and_takes_there_what_it_took_here() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let homes = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let good = "You sell tea, and nothing but tea.";
    let (mut nodes, mut later) = (Vec::new(), Vec::new());
    for home in &homes {
        nodes.push(open(home, &[Ok(good), Ok("You sell"), Ok("You sell tea.")]).await);
    }
    for node in &nodes[..2] {
        node.share(store.clone());
        node.obey().await;
    }
    fs::create_dir(homes[1].path().join("bot_instructions")).unwrap();
    fs::write(homes[1].path().join("bot_instructions/web.md"), "for the page").unwrap();
    nodes[0].order(false).await.unwrap();
    nodes[1].obey().await;
    assert_eq!(text(&nodes[1], "web"), "for the page");
    assert_eq!(text(&nodes[1], "chatwoot"), good, "it is refused wherever nobody said that it is meant");
    // What the operator sees and takes is the text of that moment.
    nodes[0].order(true).await.unwrap();
    assert_eq!(text(&nodes[0], "chatwoot"), "You sell tea.");
    nodes[1].obey().await;
    assert_eq!(text(&nodes[1], "chatwoot"), "You sell tea.");
    // A node that was away has its old copy, and takes that text and no shorter one.
    for found in ["You sell tea.", "You"] {
        let node = open(&homes[2], &[Ok(found)]).await;
        node.share(store.clone());
        node.obey().await;
        later.push(text(&node, "chatwoot"));
    }
    assert_eq!(later, ["You sell tea."; 2]);
}

#[tokio::test]
async fn a_store_that_is_away_does_not_keep_this_node_from_obeying() {
    let home = tempfile::tempdir().unwrap();
    let watch = open(&home, &[Ok("You sell tea."), Ok("You sell coffee.")]).await;
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    watch.share(store.clone());
    store.set_down(true);
    assert!(watch.order(false).await.is_err());
    assert_eq!(text(&watch, "web"), "You sell coffee.");
}

#[tokio::test]
async fn the_watch_asks_by_itself_until_it_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let watch = open(&home, &[Ok("one one one"), Err("away"), Ok("two two two")]).await;
    let soon = Duration::from_millis(5);
    watch.start(Rhythm { files: soon, document: soon });
    let began = std::time::Instant::now();
    while text(&watch, "web") != "two two two" {
        assert!(began.elapsed() < Duration::from_secs(30), "it is never taken");
        tokio::time::sleep(soon).await;
    }
    let stopping = watch.stopping.clone();
    drop(watch);
    stopping.cancelled().await;
}

#[test]
fn pauses_double_up_to_a_bound_and_vary() {
    let minute = Duration::from_secs(60);
    assert_eq!(backed_off(minute, 0), minute);
    assert_eq!(backed_off(minute, 2), minute * 4);
    assert_eq!(backed_off(minute, 99), LONGEST_PAUSE);
    assert_eq!(backed_off(LONGEST_PAUSE * 2, 99), LONGEST_PAUSE * 2);
    for _ in 0..100 {
        let varied = jittered(minute);
        assert!(varied >= Duration::from_secs(48) && varied <= Duration::from_secs(72), "{varied:?}");
    }
}
