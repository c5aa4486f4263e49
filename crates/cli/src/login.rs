//! Names and passwords, from the command line or from files that only their owner may read.

use std::{convert::Infallible, fmt, path::Path, str::FromStr};

use zeroize::Zeroizing;

use crate::{failure::Failure, keys::secret_text};

/// A name and a password, of which debug output shows the name. `NAME:PASSWORD` as text; without a colon the password is
/// empty.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) password: Zeroizing<String>,
}

impl FromStr for Login {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self { name: name.to_owned(), password: Zeroizing::new(password.to_owned()) })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Login {
    /// What was given as text, or what the one line of this file is.
    pub(crate) fn of(text: Option<&Self>, file: Option<&Path>) -> Result<Option<Self>, Failure> {
        match (text, file) {
            (Some(login), _) => Ok(Some(login.clone())),
            (None, Some(path)) => Self::read(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = secret_text(path, "the password")?;
        let mut lines = text.lines();
        match (lines.next(), lines.next()) {
            (Some(line), None) => {
                let Ok(login) = line.parse();
                Ok(login)
            }
            _ => Err(Failure::Run(format!("{}: expected one line, NAME:PASSWORD", path.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_ends_the_name_and_debug_output_ends_with_it() {
        let parts = |text: &str| {
            let login: Login = text.parse().unwrap();
            (login.name.clone(), login.password.to_string(), format!("{login:?}"))
        };
        let (name, password, shown) = parts("joe:hush:hush");
        assert_eq!((&*name, &*password), ("joe", "hush:hush"));
        assert!(shown.contains("joe") && !shown.contains("hush"), "{shown}");
        assert_eq!(parts("joe").1, "");
    }
}
