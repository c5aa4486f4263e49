//! Key files: `fzmq keygen`, and the options that read what it wrote.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ferrozmq::{
    Context, ContextBuilder,
    security::{Authenticator, KeyPair, NotAKey, PublicKey},
};

use zeroize::Zeroizing;

use crate::{
    args::{Keygen, Security},
    failure::Failure,
    login::Login,
    say::{say, show},
};

/// Writes a new secret key, which only its owner may read, and the public key that belongs to it: both files or none.
pub(crate) fn generate(keygen: &Keygen) -> Result<(), Failure> {
    let keys = KeyPair::generate()?;
    let public = public_path(&keygen.file);
    // Both are complete before either has its name.
    let secret = Written::beside(&keygen.file, Zeroizing::new(keys.secret.expose_text()), 0o600)?;
    let shown = Written::beside(&public, Zeroizing::new(keys.public.to_text()), 0o644)?;
    if keygen.force {
        // The secret key last: whatever fails before, the old one is where it was.
        let before = fs::read_to_string(&public).ok();
        shown.replace()?;
        secret.replace().inspect_err(|_| restore(&public, before))?;
    } else {
        secret.appear()?;
        shown.appear().inspect_err(|_| _ = fs::remove_file(&keygen.file))?;
    }
    show(keys.public)?;
    say!("secret key in {}, public key in {}", keygen.file.display(), public.display());
    Ok(())
}

fn public_path(secret: &Path) -> PathBuf {
    let mut path = secret.as_os_str().to_owned();
    path.push(".pub");
    path.into()
}

/// Makes a public key file what it was, as far as it can.
fn restore(path: &Path, before: Option<String>) {
    match before {
        Some(text) => {
            let text = Zeroizing::new(text.trim_end().to_owned());
            let _ = Written::beside(path, text, 0o644).and_then(|written| written.replace());
        }
        None => _ = fs::remove_file(path),
    }
}

/// A file that is complete before it has its name.
struct Written<'a> {
    temporary: PathBuf,
    path: &'a Path,
    text: Zeroizing<String>,
    mode: u32,
}

impl<'a> Written<'a> {
    fn beside(path: &'a Path, text: Zeroizing<String>, mode: u32) -> Result<Self, Failure> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.new", std::process::id()));
        let written = Self { temporary: temporary.into(), path, text, mode };
        written.create(&written.temporary).map_err(|e| written.wrong(&e))?;
        Ok(written)
    }

    /// Makes the file under this name, which nothing has.
    fn create(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(path)?;
        let written = writeln!(file, "{}", *self.text).and_then(|()| file.sync_all());
        written.inspect_err(|_| _ = fs::remove_file(path))
    }

    /// Gives the file its name, which nothing has.
    fn appear(&self) -> Result<(), Failure> {
        let appeared = match fs::hard_link(&self.temporary, self.path) {
            // Not every file system knows second names.
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => self.create(self.path),
            done => done,
        };
        appeared.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::Run(format!("{} exists already; --force writes it anew", self.path.display()))
            }
            _ => self.wrong(&e),
        })
    }

    /// Gives the file its name, whatever had that.
    fn replace(&self) -> Result<(), Failure> {
        fs::rename(&self.temporary, self.path).map_err(|e| self.wrong(&e))
    }

    fn wrong(&self, e: &io::Error) -> Failure {
        Failure::Run(format!("{}: {e}", self.path.display()))
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        // Once it was renamed there is nothing.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// The text of a file that only its owner should be able to read, with `what` in it.
pub(crate) fn secret_text(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(path).map_err(|e| Failure::Run(format!("{}: {e}", shown(path))))?;
    if fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
        say!("fzmq: warning: others may read or write {what} in {}", path.display());
    }
    Ok(Zeroizing::new(text))
}

/// A path, unless there is nothing under it and it may be a key, or a name and a password, in place of their file.
fn shown(path: &Path) -> String {
    let text = path.as_os_str().as_encoded_bytes();
    let lost = path.parent().is_none_or(|parent| parent == Path::new("") || !parent.exists());
    let name = path.file_name().unwrap_or_default().len();
    let like_a_key =
        (KEY_LENGTH - 5..=KEY_LENGTH + 5).contains(&text.len()) && (lost || name > KEY_LENGTH / 2);
    let like_a_login = lost && text.contains(&b':');
    if !path.exists() && (like_a_key || like_a_login) {
        return "no file has that name, which is not repeated, as it may be a key or a password".to_owned();
    }
    path.display().to_string()
}

/// The characters of a key.
const KEY_LENGTH: usize = 40;

/// The keys in a file that `keygen` wrote.
pub(crate) fn read(path: &Path) -> Result<KeyPair, Failure> {
    let text = secret_text(path, "the secret key")?;
    text.trim().parse().map_err(|e: NotAKey| Failure::Run(format!("{}: {e}", path.display())))
}

/// A public key, or the file that it is in. A path may look like a key; a key is hardly ever the path of a file.
fn public_key(text: &str) -> Result<PublicKey, Failure> {
    let wrong =
        |e: &dyn std::fmt::Display| Failure::Run(format!("server key {}: {e}", shown(Path::new(text))));
    match (fs::read_to_string(text), PublicKey::from_text(text.as_bytes())) {
        (Ok(read), _) => PublicKey::from_text(read.trim().as_bytes()).ok_or_else(|| wrong(&NotAKey)),
        (Err(_), Some(key)) => Ok(key),
        (Err(e), None) => Err(wrong(&e)),
    }
}

/// What the security options amount to.
#[derive(Debug)]
pub(crate) enum Credentials {
    None,
    PlainClient(Login),
    CurveClient { own: KeyPair, server: PublicKey },
    CurveServer { own: KeyPair, clients: Option<PathBuf> },
}

impl Credentials {
    pub(crate) fn of(options: &Security) -> Result<Self, Failure> {
        if let Some(login) = Login::of(options.user.as_ref(), options.user_file.as_deref())? {
            return Ok(Self::PlainClient(login));
        }
        let own = options.key.as_deref().map(read).transpose()?;
        match (&options.server_key, own) {
            (Some(server), Some(own)) => Ok(Self::CurveClient { own, server: public_key(server)? }),
            // Who is not asked for a key by name gets one for this time.
            (Some(server), None) => {
                Ok(Self::CurveClient { own: KeyPair::generate()?, server: public_key(server)? })
            }
            (None, Some(own)) => Ok(Self::CurveServer { own, clients: options.clients.clone() }),
            (None, None) => Ok(Self::None),
        }
    }

    /// Who judges the peers of a server.
    pub(crate) fn context(&self, builder: ContextBuilder) -> Result<Context, Failure> {
        let Self::CurveServer { clients, .. } = self else { return Ok(builder.build()) };
        let guard = match clients {
            Some(file) => {
                Authenticator::new().allow_file(file).map_err(|e| Failure::Run(format!("clients: {e}")))?
            }
            None => {
                Authenticator::new().ask(|_| ferrozmq::security::Judgement::Allow { user: String::new() })
            }
        };
        Ok(builder.authenticator(guard).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_40_characters_is_a_path() {
        let dir = std::env::temp_dir();
        let room = 40 - dir.as_os_str().len() - 1;
        let path = dir.join(format!("{:0>room$}", std::process::id()));
        let keys = KeyPair::generate().unwrap();
        fs::write(&path, keys.public.to_text()).unwrap();
        let text = path.to_str().unwrap();
        assert!(PublicKey::from_text(text.as_bytes()).is_some(), "{text} could be a key");
        assert_eq!(public_key(text).ok(), Some(keys.public));
        fs::remove_file(&path).unwrap();
        assert!(public_key(&keys.public.to_text()).is_ok());
        assert!(public_key("/no/such/file").is_err());
    }

    #[test]
    fn a_path_that_may_be_a_key_is_not_shown() {
        let dir = std::env::temp_dir();
        for key in [
            "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
            "D:)Q[IlAW!/ahhC2ac:9*A}h:p?([4%wOTJ%JR%c",
            "/D:)QIlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
        ] {
            assert!(!shown(Path::new(key)).contains("hC2ac"), "{key}");
        }
        for path in
            ["server.key", "/no/such/file", "keys/of/the/server/in/the/north/server.key.of.ours.at.home"]
        {
            assert_eq!(shown(Path::new(path)), path);
        }
        assert!(
            !shown(Path::new("joe:hush")).contains("hush") && !shown(Path::new("joe:hu/sh")).contains("hu")
        );
        let missing = dir.join("a-key-that-is-missing");
        assert_eq!(shown(&missing), missing.display().to_string());
    }
}
