//! A recorder that remembers the handles of another.
//!
//! The macros ask for a metric's handle at every use, and the Prometheus recorder copies the labels each time before it
//! looks. A webhook uses six: a twentieth of what it costs. Labels come from closed sets, so that all handles are soon known.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

/// A recorder that asks `inner` for each handle once.
#[derive(Debug)]
pub(super) struct Remembering<R> {
    inner: R,
    counters: Handles<Counter>,
    gauges: Handles<Gauge>,
    histograms: Handles<Histogram>,
}

impl<R: Recorder> Remembering<R> {
    pub(super) fn new(inner: R) -> Self {
        let (counters, gauges, histograms) = (Handles::default(), Handles::default(), Handles::default());
        Self { inner, counters, gauges, histograms }
    }
}

impl<R: Recorder> Recorder for Remembering<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.counters.get(key, || self.inner.register_counter(key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.gauges.get(key, || self.inner.register_gauge(key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.histograms.get(key, || self.inner.register_histogram(key, metadata))
    }
}

/// The handles of one kind.
#[derive(Debug)]
struct Handles<M>(RwLock<HashMap<Key, M, BuildHasherDefault<Hashed>>>);

impl<M> Default for Handles<M> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::default()))
    }
}

impl<M: Clone> Handles<M> {
    fn get(&self, key: &Key, register: impl FnOnce() -> M) -> M {
        // The map is consistent after every statement, so a panic elsewhere has not spoilt it.
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return known.clone();
        }
        let mut handles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handles.entry(key.to_retained()).or_insert_with(register).clone()
    }
}

/// Keys bring their hash along.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Not used by keys; slow, and right.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Counts how often it is asked, and what is counted through its handles.
    #[derive(Default)]
    struct Asked {
        times: AtomicU64,
        counted: Arc<metrics::atomics::AtomicU64>,
    }

    impl Recorder for Asked {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            self.times.fetch_add(1, Ordering::Relaxed);
            Counter::from_arc(Arc::clone(&self.counted))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn each_set_of_labels_is_asked_for_once_and_all_is_counted() {
        let recorder = Remembering::new(Asked::default());
        let outcomes = ["taken", "refused"];
        for outcome in outcomes.iter().cycle().take(20) {
            metrics::with_local_recorder(&recorder, || {
                metrics::counter!("webhooks", "outcome" => *outcome).increment(1);
            });
        }
        assert_eq!(recorder.inner.times.load(Ordering::Relaxed), 2);
        assert_eq!(recorder.inner.counted.load(Ordering::Relaxed), 20);
    }
}
