//! Key files: `fzmq keygen`, and the options that read what it wrote.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ferrozmq::{
    Context, ContextBuilder,
    security::{Authenticator, KeyPair, NotAKey, PublicKey},
};

use crate::{
    args::{Keygen, Security},
    failure::Failure,
};

/// Writes a new secret key, which only its owner may read, and the public key that belongs to it: both files or none.
pub(crate) fn generate(keygen: &Keygen) -> Result<(), Failure> {
    let keys = KeyPair::generate()?;
    let public = public_path(&keygen.file);
    for path in [&keygen.file, &public] {
        if !keygen.force && path.symlink_metadata().is_ok() {
            return Err(Failure::Run(format!("{} exists already; --force writes it anew", path.display())));
        }
    }
    let secret_text = keys.secret.expose_text();
    let secret = Written::beside(&keygen.file, &secret_text, 0o600)?;
    let shown = Written::beside(&public, &keys.public.to_text(), 0o644)?;
    secret.put_in_place()?;
    shown.put_in_place()?;
    println!("{}", keys.public);
    eprintln!("secret key in {}, public key in {}", keygen.file.display(), public.display());
    Ok(())
}

fn public_path(secret: &Path) -> PathBuf {
    let mut path = secret.as_os_str().to_owned();
    path.push(".pub");
    path.into()
}

/// A file that is complete before it has its name, and gone if it never gets it.
struct Written<'a> {
    temporary: PathBuf,
    path: &'a Path,
}

impl<'a> Written<'a> {
    fn beside(path: &'a Path, text: &str, mode: u32) -> Result<Self, Failure> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.new", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let wrong = |e: std::io::Error| Failure::Run(format!("{}: {e}", path.display()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).map_err(wrong)?;
        let written = Self { temporary, path };
        writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(wrong)?;
        Ok(written)
    }

    fn put_in_place(self) -> Result<(), Failure> {
        fs::rename(&self.temporary, self.path)
            .map_err(|e| Failure::Run(format!("{}: {e}", self.path.display())))
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        // Once it has its name there is nothing.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// The keys in a file that `keygen` wrote.
pub(crate) fn read(path: &Path) -> Result<KeyPair, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::Run(format!("{}: {e}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(&e))?;
    if fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
        eprintln!("fzmq: warning: others may read or write the secret key in {}", path.display());
    }
    text.trim().parse().map_err(|e| wrong(&e))
}

/// A public key, or the file that it is in. A path may look like a key; a key is hardly ever the path of a file.
fn public_key(text: &str) -> Result<PublicKey, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::Run(format!("server key {text:?}: {e}"));
    match (fs::read_to_string(text), PublicKey::from_text(text.as_bytes())) {
        (Ok(read), _) => PublicKey::from_text(read.trim().as_bytes()).ok_or_else(|| wrong(&NotAKey)),
        (Err(_), Some(key)) => Ok(key),
        (Err(e), None) => Err(wrong(&e)),
    }
}

/// What the security options amount to.
#[derive(Debug)]
pub(crate) enum Role {
    None,
    PlainClient { name: String, password: String },
    CurveClient { own: KeyPair, server: PublicKey },
    CurveServer { own: KeyPair, clients: Option<PathBuf> },
}

impl Role {
    pub(crate) fn of(options: &Security) -> Result<Self, Failure> {
        if let Some(user) = &options.user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            return Ok(Self::PlainClient { name: name.to_owned(), password: password.to_owned() });
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
}
