//! Three threads that tell each other when they are ready, over pairs of sockets and nothing else. Each binds before it
//! starts the one that connects to it.

mod chapter;
use ferrozmq::{Context, Result};
use std::thread;

fn step1(ctx: &Context) -> Result<()> {
    println!("step 1 is ready");
    ctx.pair().connect("inproc://step2")?.send("READY")?;
    Ok(())
}

fn step2(ctx: &Context) -> Result<()> {
    await_step(ctx, "inproc://step2", step1)?;
    println!("step 2 is ready");
    ctx.pair().connect("inproc://step3")?.send("READY")?;
    Ok(())
}

/// Starts the step before, and waits until it is ready.
fn await_step(ctx: &Context, endpoint: &str, step: fn(&Context) -> Result<()>) -> Result<()> {
    let mut ready = ctx.pair().bind(endpoint)?;
    let ctx = ctx.clone();
    let thread = thread::spawn(move || step(&ctx));
    ready.recv()?;
    thread.join().expect("steps do not panic")
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        await_step(ctx, "inproc://step3", step2)?;
        println!("all steps are ready");
        Ok(())
    })
}
