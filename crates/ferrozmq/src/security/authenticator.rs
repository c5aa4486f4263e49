//! The authenticator that needs no thread and no socket.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use ferrozmq_base::sync::lock;
use ferrozmq_runtime::{
    HandshakeFailure, Judge,
    zap::{self, Credentials, Reply, Request},
};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

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
    passwords: BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>,
}

/// A file, as it was read last.
struct File {
    path: PathBuf,
    seen: Stamp,
    lists: Result<Lists, Fault>,
}

/// By what a change of a file is noticed.
type Stamp = [i64; 7];

/// Why a file is of no use.
#[derive(Debug)]
enum Fault {
    Unreadable(io::Error),
    /// In this line, counted from 1.
    Malformed(u32, &'static str),
}

impl Fault {
    fn failure(&self) -> HandshakeFailure {
        match self {
            Self::Unreadable(e) => HandshakeFailure::ListUnreadable(e.raw_os_error().unwrap_or_default()),
            Self::Malformed(line, _) => HandshakeFailure::ListMalformed(*line),
        }
    }

    fn into_error(self, path: &Path) -> io::Error {
        let path = path.display();
        match self {
            Self::Unreadable(e) => io::Error::new(e.kind(), format!("{path}: {e}")),
            Self::Malformed(line, why) => {
                io::Error::new(io::ErrorKind::InvalidData, format!("{path}: line {line}: {why}"))
            }
        }
    }
}

/// What a callback is shown, whose password is overwritten afterwards.
struct Shown(Peer);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some((_, password)) = &mut self.0.password {
            password.zeroize();
        }
    }
}

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
        self.lists.passwords.insert(name.into(), Zeroizing::new(password.into()));
        self
    }

    /// Lets in who is listed in this file, which is read again when it has changed. While it cannot be read, or a line of it
    /// is wrong, who is on no other list is put off (status 300), and the server's monitor says why:
    /// [`ListUnreadable`](crate::HandshakeFailure::ListUnreadable) or
    /// [`ListMalformed`](crate::HandshakeFailure::ListMalformed).
    ///
    /// A line is `curve KEY [USER]` or `plain NAME PASSWORD`, in UTF-8, with spaces or tabs between; a word that begins with
    /// `#` begins a comment. The last line ends with a newline like the others: without one the file is taken for cut off, as
    /// half a password would be a password, too.
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
        match read(&path) {
            Ok((seen, Ok(lists))) => {
                self.file = Some(Mutex::new(File { path, seen, lists: Ok(lists) }));
                Ok(self)
            }
            Ok((_, Err(fault))) | Err(fault) => Err(fault.into_error(&path)),
        }
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
        Arc::new(move |request| self.judge(request).map(reply))
    }

    /// # Errors
    /// The file is of no use, and nobody else lets the peer in.
    fn judge(&self, request: &Request<'_>) -> Result<Judgement, HandshakeFailure> {
        if let Some(user) = self.lists.find(request.credentials) {
            return Ok(Judgement::Allow { user });
        }
        let unknown = match self.file.as_ref().map(|file| lock(file).find(request.credentials)) {
            Some(Ok(Some(user))) => return Ok(Judgement::Allow { user }),
            Some(Ok(None)) | None => Ok(Judgement::Refuse),
            Some(Err(why)) => Err(why),
        };
        let Some(callback) = &self.callback else { return unknown };
        match callback(&Shown(peer(request)).0) {
            // The file might have let it in.
            Judgement::Refuse => unknown,
            judgement => Ok(judgement),
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
                bool::from(right.ct_eq(&password.0)).then(|| String::from_utf8_lossy(username).into_owned())
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes)
            .map_err(|e| Fault::Malformed(line_of(bytes, e.valid_up_to()), "this is not UTF-8"))?;
        let mut lists = Self::default();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            let wrong = |why| Err(Fault::Malformed(number, why));
            if !line.ends_with('\n') {
                return wrong("cut off: the last line must end with a newline, too");
            }
            // No key begins with a #: five such characters would be more than 32 bits.
            // Other white space, as a space that does not break, may be part of a password.
            let words = line.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
            let words: Vec<&str> = words.take_while(|word| !word.starts_with('#')).collect();
            // The words are not repeated in errors: one might be a secret in the wrong place.
            match words[..] {
                [] => {}
                ["curve", key, ref user @ ..] if user.len() <= 1 => {
                    let Some(key) = PublicKey::from_text(key.as_bytes()) else {
                        return wrong("what follows `curve` is not a key of 40 characters");
                    };
                    lists.keys.insert(key, user.concat());
                }
                ["plain", name, password] => {
                    lists.passwords.insert(name.into(), Zeroizing::new(password.into()));
                }
                _ => return wrong("expected `curve KEY [USER]` or `plain NAME PASSWORD`"),
            }
        }
        Ok(lists)
    }
}

/// The number of the line in which this byte is.
fn line_of(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before).map_or(u32::MAX, |before| before.saturating_add(1))
}

impl File {
    /// Reads the file again if it has changed.
    fn find(&mut self, credentials: &Credentials) -> Result<Option<String>, HandshakeFailure> {
        let now = stamp(&self.path).map_err(|fault| fault.failure())?;
        if now != self.seen {
            (self.seen, self.lists) = read(&self.path).map_err(|fault| fault.failure())?;
        }
        match &self.lists {
            Ok(lists) => Ok(lists.find(credentials)),
            Err(fault) => Err(fault.failure()),
        }
    }
}

fn stamp(path: &Path) -> Result<Stamp, Fault> {
    let file = fs::metadata(path).map_err(Fault::Unreadable)?;
    // Neither a new file with the old one's time nor an old file with new content goes unnoticed.
    let (device, number, size) = (file.dev() as i64, file.ino() as i64, file.size() as i64);
    Ok([device, number, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
}

/// How the file stands, and what is in it.
///
/// # Errors
/// It cannot be read. That may change without a change of the file.
fn read(path: &Path) -> Result<(Stamp, Result<Lists, Fault>), Fault> {
    let stamp = stamp(path)?;
    let bytes = read_secret(path).map_err(Fault::Unreadable)?;
    Ok((stamp, Lists::parse(&bytes)))
}

/// The bytes of a file, of which nothing is left behind.
fn read_secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Zeroizing::new(Vec::new());
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        let n = file.read(&mut *chunk)?;
        if n == 0 {
            return Ok(bytes);
        }
        if bytes.capacity() - bytes.len() < n {
            // Moved here, since the allocator leaves behind what it moves.
            let mut roomier = Zeroizing::new(Vec::with_capacity(2 * bytes.len() + n));
            roomier.extend_from_slice(&bytes);
            bytes = roomier;
        }
        bytes.extend_from_slice(&chunk[..n]);
    }
}

fn peer(request: &Request<'_>) -> Peer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (key, password) = match request.credentials {
        Credentials::None => (None, None),
        Credentials::Curve(key) => (Some(*key), None),
        Credentials::Plain { username, password } => (None, Some((username.clone(), password.0.clone()))),
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
    use ferrozmq_runtime::zap::Password;

    use super::*;

    const KEY: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    /// One with a #.
    const OTHER: &str = "0#00#00000000000000000000000000000000000";

    #[test]
    fn a_file_lists_keys_and_passwords() {
        let text =
            format!("# who\n\ncurve {KEY} joe # the first\n  plain\tadmin secret # x\ncurve {OTHER}\n");
        let lists = Lists::parse(text.as_bytes()).unwrap();
        let curve = |text: &str| Credentials::Curve(PublicKey::from_text(text.as_bytes()).unwrap());
        let plain = |username: &[u8], password: &[u8]| Credentials::Plain {
            username: username.into(),
            password: Password(password.into()),
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
    fn only_spaces_and_tabs_part_words() {
        let lists = Lists::parse("plain admin sec\u{a0}ret\n".as_bytes()).unwrap();
        let password = Password("sec\u{a0}ret".into());
        let credentials = Credentials::Plain { username: b"admin".into(), password };
        assert_eq!(lists.find(&credentials), Some("admin".into()));
    }

    fn wrong(text: &[u8]) -> String {
        Lists::parse(text).err().unwrap().into_error(Path::new("list")).to_string()
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in [
            (&b"plain admin\n"[..], 1),
            (b"\ncurve abc\n", 2),
            (b"secret admin x\n", 1),
            (b"plain a b c\n", 1),
            (b"# \n#\nplain a \xFF\n", 3),
        ] {
            let error = wrong(text);
            assert!(error.starts_with(&format!("list: line {line}: ")), "{error}");
        }
        // What may be a secret in the wrong place is not repeated.
        assert!(!wrong(b"curve hush\n").contains("hush") && !wrong(b"hush x y\n").contains("hush"));
    }

    #[test]
    fn a_list_that_was_cut_anywhere_lets_nobody_in_by_half_a_password() {
        let whole = format!("curve {KEY} joe\nplain admin secret\n");
        for end in 0..whole.len() {
            let cut = &whole.as_bytes()[..end];
            match Lists::parse(cut) {
                Ok(lists) => assert!(cut.is_empty() || cut.ends_with(b"\n") && lists.passwords.is_empty()),
                Err(fault) => assert!(matches!(fault, Fault::Malformed(1 | 2, _)), "{end}: {fault:?}"),
            }
        }
        assert!(wrong(b"plain admin secret").contains("cut off"));
        assert!(Lists::parse(b"plain admin secret\r\n").is_ok());
    }
}
