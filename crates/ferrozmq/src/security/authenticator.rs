//! The authenticator that needs no thread and no socket.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use ferrozmq_base::sync::lock;
use ferrozmq_runtime::{
    Judge,
    zap::{self, Credentials, Reply, Request},
};
use subtle::ConstantTimeEq;

use super::PublicKey;

/// What a peer has shown, for a callback of an [`Authenticator`].
///
/// See the example of [`Authenticator`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Peer {
    /// The domain of the server ([`Builder::zap_domain`](crate::Builder::zap_domain)).
    pub domain: String,
    /// The peer's address, without a port.
    pub address: String,
    /// The key that it has proved to own (CURVE).
    pub key: Option<PublicKey>,
    /// The name and the password that it gave (PLAIN).
    pub password: Option<(Vec<u8>, Vec<u8>)>,
}

/// Without the password.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.password.as_ref().map(|(name, _)| String::from_utf8_lossy(name));
        let mut out = f.debug_struct("Peer");
        out.field("domain", &self.domain).field("address", &self.address).field("key", &self.key);
        out.field("name", &name).finish_non_exhaustive()
    }
}

/// What a callback says of a peer.
///
/// See the example of [`Authenticator`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judgement {
    /// It comes in; its messages have the property `User-Id`.
    Allow {
        /// The name of the user.
        user: String,
    },
    /// It does not, and does not try again (status 400).
    Refuse,
    /// Not now: it tries again (status 300).
    Later,
}

/// Judges peers by lists, a file or a callback; see [the module](super) and
/// [`ContextBuilder::authenticator`](crate::ContextBuilder::authenticator).
///
/// The lists are asked first, then the file, then the callback; the first that knows the peer decides. Who is on no list
/// is refused.
///
/// ```
/// use ferrozmq::Context;
/// use ferrozmq::security::{Authenticator, Judgement};
///
/// let guard = Authenticator::new()
///     .allow_password("admin", "secret")
///     .ask(|peer| match &peer.password {
///         Some((name, _)) if name == b"guest" => Judgement::Allow { user: "guest".into() },
///         _ => Judgement::Refuse,
///     });
/// let ctx = Context::builder().authenticator(guard).build();
/// let mut tasks = ctx.pull().plain_server().bind("tcp://127.0.0.1:*")?;
/// ctx.push().plain_client("admin", "secret").connect(tasks.last_endpoint())?.send("from admin")?;
/// assert_eq!(tasks.recv()?, "from admin");
/// ctx.push().plain_client("guest", "").connect(tasks.last_endpoint())?.send("from a guest")?;
/// assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"guest"[..]));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Default)]
pub struct Authenticator {
    lists: Lists,
    file: Option<Mutex<File>>,
    callback: Option<Box<Callback>>,
}

type Callback = dyn Fn(&Peer) -> Judgement + Send + Sync;

/// Who is known.
#[derive(Clone, Default)]
struct Lists {
    /// Users by their keys.
    keys: BTreeMap<PublicKey, String>,
    /// Passwords by names.
    passwords: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A file, as it was read last.
struct File {
    path: PathBuf,
    seen: Stamp,
    lists: Lists,
}

/// By what a change of a file is noticed.
type Stamp = [i64; 7];

impl Authenticator {
    /// One that lets nobody in.
    ///
    /// See the example of [`Authenticator`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets in who owns this key.
    ///
    /// See the example of [`security`](crate::security).
    pub fn allow_key(mut self, key: PublicKey, user: &str) -> Self {
        self.lists.keys.insert(key, user.to_owned());
        self
    }

    /// Lets in who gives this name and this password; the name is that of the user.
    ///
    /// See the example of [`Authenticator`].
    pub fn allow_password(mut self, name: &str, password: &str) -> Self {
        self.lists.passwords.insert(name.into(), password.into());
        self
    }

    /// Lets in who is listed in this file, which is read again when it has changed. While it cannot be read, who is on no
    /// other list is refused for the time being.
    ///
    /// A line is `curve KEY [USER]` or `plain NAME PASSWORD`, in UTF-8, with spaces or tabs between; a word that begins with `#` begins a comment.
    ///
    /// ```
    /// use ferrozmq::security::{Authenticator, KeyPair};
    ///
    /// let path = std::env::temp_dir().join(format!("ferrozmq-doc-{}", std::process::id()));
    /// let keys = KeyPair::generate()?;
    /// std::fs::write(&path, format!("# clients\ncurve {} joe\nplain admin secret\n", keys.public)).unwrap();
    /// let guard = Authenticator::new().allow_file(&path).unwrap();
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be read now, or a line of it is wrong; the text says which.
    pub fn allow_file(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let (seen, lists) = read(&path)?;
        self.file = Some(Mutex::new(File { path, seen, lists }));
        Ok(self)
    }

    /// Asks this about peers that are on no list. It runs in an I/O thread: whatever it waits for, all connections of that
    /// thread wait for as well.
    ///
    /// See the example of [`Authenticator`].
    pub fn ask(mut self, judge: impl Fn(&Peer) -> Judgement + Send + Sync + 'static) -> Self {
        self.callback = Some(Box::new(judge));
        self
    }

    pub(crate) fn into_judge(self) -> Arc<Judge> {
        Arc::new(move |request| reply(self.judge(request)))
    }

    fn judge(&self, request: &Request<'_>) -> Judgement {
        if let Some(user) = self.lists.find(request.credentials) {
            return Judgement::Allow { user };
        }
        let mut unknown = Judgement::Refuse;
        if let Some(file) = &self.file {
            match lock(file).find(request.credentials) {
                Ok(Some(user)) => return Judgement::Allow { user },
                Ok(None) => {}
                Err(_) => unknown = Judgement::Later,
            }
        }
        match &self.callback {
            Some(callback) => callback(&peer(request)),
            None => unknown,
        }
    }
}

impl Lists {
    fn find(&self, credentials: &Credentials) -> Option<String> {
        match credentials {
            Credentials::None => None,
            Credentials::Curve(key) => self.keys.get(key).cloned(),
            Credentials::Plain { username, password } => {
                let right = self.passwords.get(username)?;
                bool::from(right.ct_eq(password)).then(|| String::from_utf8_lossy(username).into_owned())
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lists = Self::default();
        for (number, line) in text.lines().enumerate() {
            // No key begins with a #: five such characters would be more than 32 bits.
            let words: Vec<&str> =
                line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
            match words[..] {
                [] => {}
                ["curve", key, ref user @ ..] if user.len() <= 1 => {
                    let key = PublicKey::from_text(key.as_bytes()).ok_or_else(|| {
                        format!("line {}: {key:?} is not a key of 40 characters", number + 1)
                    })?;
                    lists.keys.insert(key, user.concat());
                }
                ["plain", name, password] => {
                    lists.passwords.insert(name.into(), password.into());
                }
                _ => {
                    let expected = "expected `curve KEY [USER]` or `plain NAME PASSWORD`";
                    return Err(format!("line {}: {expected}", number + 1));
                }
            }
        }
        Ok(lists)
    }
}

impl File {
    /// Reads the file again if it has changed.
    fn find(&mut self, credentials: &Credentials) -> io::Result<Option<String>> {
        if stamp(&self.path)? != self.seen {
            (self.seen, self.lists) = read(&self.path)?;
        }
        Ok(self.lists.find(credentials))
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let file = fs::metadata(path)?;
    // Neither a new file with the old one's time nor an old file with new content goes unnoticed.
    let (device, number, size) = (file.dev() as i64, file.ino() as i64, file.size() as i64);
    Ok([device, number, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
}

fn read(path: &Path) -> io::Result<(Stamp, Lists)> {
    let stamp = stamp(path)?;
    let lists = Lists::parse(&fs::read_to_string(path)?)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", path.display())))?;
    Ok((stamp, lists))
}

fn peer(request: &Request<'_>) -> Peer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (key, password) = match request.credentials {
        Credentials::None => (None, None),
        Credentials::Curve(key) => (Some(*key), None),
        Credentials::Plain { username, password } => (None, Some((username.clone(), password.clone()))),
    };
    Peer { domain: text(request.domain), address: text(request.address), key, password }
}

fn reply(judgement: Judgement) -> Reply {
    let (status, user) = match judgement {
        Judgement::Allow { user } => (zap::OK, user),
        Judgement::Refuse => (400, String::new()),
        Judgement::Later => (300, String::new()),
    };
    Reply { status, user_id: user.into_bytes(), metadata: Vec::new() }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords and users stay out of logs.
        f.debug_struct("Authenticator")
            .field("keys", &self.lists.keys.len())
            .field("passwords", &self.lists.passwords.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    /// One with a #.
    const OTHER: &str = "0#00#00000000000000000000000000000000000";

    #[test]
    fn a_file_lists_keys_and_passwords() {
        let text =
            format!("# who\n\ncurve {KEY} joe # the first\n  plain\tadmin secret # x\ncurve {OTHER}\n");
        let lists = Lists::parse(&text).unwrap();
        let curve = |text: &str| Credentials::Curve(PublicKey::from_text(text.as_bytes()).unwrap());
        let plain = |username: &[u8], password: &[u8]| Credentials::Plain {
            username: username.into(),
            password: password.into(),
        };
        assert_eq!(lists.find(&curve(KEY)), Some("joe".into()));
        assert_eq!(lists.find(&curve(OTHER)), Some(String::new()));
        assert_eq!(lists.find(&plain(b"admin", b"secret")), Some("admin".into()));
        for wrong in
            [plain(b"admin", b"Secret"), plain(b"admin", b""), plain(b"joe", b"secret"), Credentials::None]
        {
            assert_eq!(lists.find(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in
            [("plain admin", 1), ("\ncurve abc", 2), ("secret admin x", 1), ("plain a b c", 1)]
        {
            let error = Lists::parse(text).err().unwrap();
            assert!(error.starts_with(&format!("line {line}: ")), "{error}");
        }
    }
}
