//! The tour: what ZeroMQ does, shown live, with real messages over real connections.
//!
//! Three scenes of two seconds (a broker, news, a pipeline), then measurements of the three transports. Each scene has
//! a context of its own, whose end is the end of the scene's threads.

mod broker;
mod measure;
mod news;
mod pipeline;
pub(crate) mod screen;

use std::{
    env, process, thread,
    time::{Duration, Instant},
};

use ferrozmq::{Context, Error, Poller};

use crate::{failure::Failure, signals::Signals};
use screen::{Screen, Style};

/// The tour; in about a second, if it is to be `fast`.
pub(crate) fn run(fast: bool, signals: &Signals) -> Result<(), Failure> {
    let screen = Screen::new()?;
    let (scene, measurement) = if fast { (100, 30) } else { (2200, 600) };
    let mut stage = Stage {
        style: screen.style,
        screen,
        signals,
        scene: Duration::from_millis(scene),
        measurement: Duration::from_millis(measurement),
    };
    let style = stage.style;
    let title = format!("{}  ZeroMQ in Rust: a live tour of ten seconds", style.bold("ferrozmq"));
    stage.screen.say(&[String::new(), format!(" {title}"), String::new()])?;
    broker::show(&mut stage)?;
    news::show(&mut stage)?;
    pipeline::show(&mut stage)?;
    measure::show(&mut stage)?;
    stage.screen.say(&farewell(style))
}

/// What to try next.
fn farewell(style: Style) -> Vec<String> {
    let mut lines = vec![format!(" {}", style.bold("Try next")), String::new()];
    // Where the tool is not installed, the shell must be told where it is.
    if let Some(directory) = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()))
        && !env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|p| p == directory))
    {
        lines.push(format!("    PATH={}:$PATH", directory.display()));
    }
    let commands = [
        ("fzmq pull tcp://127.0.0.1:5555 &", "print what arrives"),
        ("seq 5 | fzmq push tcp://127.0.0.1:5555", "send it five messages"),
        ("fzmq rep tcp://127.0.0.1:5556 --exec 'rev' &", "a server that reverses text"),
        ("echo hello | fzmq req tcp://127.0.0.1:5556", "ask it"),
        ("fzmq --help", "and all the rest"),
    ];
    lines.extend(
        commands.map(|(command, what)| format!("    {command:<46} {}", style.dim(format!("# {what}")))),
    );
    lines.push(String::new());
    lines
}

struct Stage<'a> {
    screen: Screen,
    style: Style,
    signals: &'a Signals,
    /// How long a scene lasts.
    scene: Duration,
    /// How long one number is measured.
    measurement: Duration,
}

/// A thread of a scene; it ends when the context does.
type Actor<'s> = Box<dyn FnOnce() -> Result<(), Error> + Send + 's>;

/// A thread of a scene.
fn actor<'s>(act: impl FnOnce() -> Result<(), Error> + Send + 's) -> Actor<'s> {
    Box::new(act)
}

/// A scene that goes on.
struct Scene<'s> {
    ctx: &'s Context,
    /// What happens when its time is over.
    curtain: &'s (dyn Fn() + Sync),
    /// Whether everything has arrived after that.
    is_over: &'s (dyn Fn() -> bool + Sync),
}

impl Stage<'_> {
    fn context(&self) -> Context {
        Context::builder().interrupt(&self.signals.interrupt).build()
    }

    fn headline(&mut self, number: u32, text: &str) -> Result<(), Failure> {
        let headline = format!(" {}  {}", self.style.bold(number.to_string()), self.style.bold(text));
        self.screen.say(&[headline, String::new()])
    }

    /// Runs the actors for the time of a scene and draws `lines` meanwhile, which are given the time that has passed.
    fn play(
        &mut self,
        scene: &Scene<'_>,
        actors: Vec<Actor<'_>>,
        lines: impl Fn(Duration) -> Vec<String>,
    ) -> Result<(), Failure> {
        thread::scope(|scope| {
            let threads: Vec<_> = actors.into_iter().map(|actor| scope.spawn(actor)).collect();
            let played = self.watch(scene, &lines);
            scene.ctx.shutdown();
            for thread in threads {
                match thread.join() {
                    Ok(Ok(()) | Err(Error::Terminated | Error::Interrupted)) => {}
                    Ok(Err(e)) => return Err(e.into()),
                    Err(_) => return Err(Failure::Run("a thread of the tour failed".to_owned())),
                }
            }
            let took = played?;
            let mut last = lines(took);
            last.push(String::new());
            self.screen.say(&last)
        })
    }

    /// Draws until the scene is over; says how long it took, without the wait for stragglers.
    fn watch(
        &mut self,
        scene: &Scene<'_>,
        lines: &impl Fn(Duration) -> Vec<String>,
    ) -> Result<Duration, Failure> {
        const STRAGGLERS: Duration = Duration::from_secs(5);
        let began = Instant::now();
        while began.elapsed() < self.scene {
            self.screen.draw(&lines(began.elapsed()))?;
            self.pause(Duration::from_millis(50).min(self.scene.saturating_sub(began.elapsed())))?;
        }
        let took = began.elapsed();
        (scene.curtain)();
        while !(scene.is_over)() && began.elapsed() < took + STRAGGLERS {
            self.pause(Duration::from_millis(5))?;
        }
        Ok(took)
    }

    /// Waits; a signal ends that.
    fn pause(&self, time: Duration) -> Result<(), Failure> {
        let mut poller = Poller::<()>::new();
        poller.interrupt(&self.signals.interrupt);
        poller.wait(time)?;
        Ok(())
    }
}

/// An ipc endpoint that nobody else has: in the abstract namespace, where no file is left behind.
fn ipc(name: &str) -> String {
    format!("ipc://@fzmq-tour-{}-{name}", process::id())
}
