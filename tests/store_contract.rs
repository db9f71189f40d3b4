//! One contract for every store: Redis, Redis Cluster and the embedded one.
//!
//! What all must do stands in `store_contract/` by theme and runs against each; what only one of them can show (a
//! server that dies, a directory in use) stands in `redis.rs` and `embedded.rs` beside it. A new case goes into a
//! theme and into the list below.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "store_contract/commits.rs"]
mod commits;
#[path = "store_contract/embedded.rs"]
mod embedded_only;
#[path = "store_contract/fixture.rs"]
mod fixture;
#[path = "store_contract/keeping.rs"]
mod keeping;
#[path = "store_contract/memories.rs"]
mod memories;
#[path = "store_contract/parking.rs"]
mod parking;
#[path = "store_contract/redis.rs"]
mod redis_only;
#[path = "store_contract/runs.rs"]
mod runs;
#[path = "store_contract/scanning.rs"]
mod scanning;
#[path = "store_contract/tls.rs"]
mod tls;
#[path = "store_contract/wakes.rs"]
mod wakes;

macro_rules! contract {
    ($($theme:ident::$case:ident,)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $case() {
                let (store, _dir) = crate::fixture::embedded();
                crate::$theme::$case(&store).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $case() {
                let (store, _server) = crate::fixture::redis().await;
                crate::$theme::$case(&store).await;
            })*
        }

        /// All cases on one cluster, each under its own prefix: making a cluster takes longer than any case.
        #[tokio::test]
        async fn redis_cluster() {
            let cluster = frontdesk_sandbox::redis::RedisCluster::start().await.unwrap();
            $({
                eprintln!("{}", stringify!($case));
                let store = crate::fixture::on(&cluster.url(), stringify!($case));
                crate::$theme::$case(&store).await;
            })*
        }
    };
}

contract! {
    commits::a_new_conversation_is_stored_and_loaded,
    commits::a_commit_lands_only_on_the_version_it_expects,
    commits::a_repeated_commit_is_ok_once_it_has_landed,
    commits::a_store_that_lost_writes_says_so,
    commits::memory_expires_by_itself_and_the_record_does_not,
    commits::memory_is_kept_replaced_and_erased_as_told,
    memories::a_memory_grows_at_its_end_and_is_cut_at_its_beginning,
    memories::a_memory_that_is_not_there_any_more_is_written_whole,
    memories::a_memory_of_as_many_messages_that_another_commit_left_is_written_whole,
    memories::what_grows_twice_at_once_grows_once,
    commits::any_bytes_are_kept_as_they_are,
    commits::many_writers_of_one_conversation_take_turns,
    commits::erasing_leaves_nothing,
    commits::erasing_traces_leaves_the_record_and_the_count_of_the_feed,
    keeping::the_journal_keeps_the_newest,
    keeping::a_list_shows_the_last_changed_first,
    keeping::a_setting_is_set_once,
    keeping::contacts_are_kept,
    keeping::a_quota_holds_in_every_window,
    keeping::quotas_stop_at_the_first_exhausted_one,
    keeping::a_quota_can_be_used_up_at_once,
    keeping::a_feed_takes_each_entry_once,
    keeping::a_feed_keeps_the_newest,
    parking::entries_are_kept_in_order_until_they_are_forgotten,
    parking::conversations_with_entries_are_found,
    parking::no_number_is_given_twice_and_there_is_an_end,
    parking::erasing_takes_them_along,
    scanning::everything_is_found_with_its_memory_and_its_wake_up,
    scanning::a_scan_misses_nothing_that_stands_throughout,
    scanning::a_scan_tells_the_last_record_and_who_will_be_woken,
    wakes::a_due_conversation_is_taken_once_per_lease,
    wakes::the_longest_overdue_come_first,
    wakes::takes_count_until_a_commit,
    wakes::a_commit_without_wake_ends_the_watch,
    wakes::a_lease_is_renewed_only_by_its_holder,
    wakes::a_restarted_node_reclaims_what_it_held,
    wakes::every_wake_up_is_taken_by_exactly_one_node,
}
