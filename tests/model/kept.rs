//! [`Kept`]: a value that is compared by its digest.

use std::{
    fmt::{self, Debug, Write},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// A value and a digest of it, by which it is compared: states are compared millions of times.
pub struct Kept<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Debug> Kept<T> {
    /// Keeps a value whose `Debug` tells all of it.
    pub fn new(value: T) -> Self {
        let digest = digest(&value);
        Self::with(value, digest)
    }
}

impl<T> Kept<T> {
    fn with(value: T, digest: u64) -> Self {
        let value = Arc::new(value);
        Self { value, digest }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        let value = Arc::clone(&self.value);
        Self { value, ..*self }
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Eq for Kept<T> {}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Debug> Debug for Kept<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(formatter)
    }
}

fn digest(value: &impl Debug) -> u64 {
    struct Digest(DefaultHasher);
    impl Write for Digest {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(DefaultHasher::new());
    write!(digest, "{value:?}").unwrap();
    digest.0.finish()
}
