//! Time that is not real: tasks that take turns, and a clock that leaps to whoever is next. Everything runs on one thread, in
//! an order that follows from the seed.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// When the world begins: on Thursday, 2026-11-26, twenty minutes before midnight, so that days end while it is busy, and with
/// the one that follows the week.
pub const BEGIN: i64 = 1_795_736_400_000;
pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A task's place, and which of the tasks that had it.
type TaskId = (u32, u32);

thread_local! {
    /// Who can go on. Each thread has one world at a time.
    static READY: RefCell<VecDeque<TaskId>> = const { RefCell::new(VecDeque::new()) };
}

struct Bell(TaskId);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        READY.with_borrow_mut(|ready| ready.push_back(self.0));
    }
}

/// Someone who waits: until when, in which order among those of the same moment, and how they are woken.
struct Wait(i64, u64, u64, Waker);

impl Wait {
    fn key(&self) -> (i64, u64, u64) {
        (self.0, self.1, self.2)
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Wait {}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wait {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// What is to be done, and what wakes it.
type Task = (Pin<Box<dyn Future<Output = ()>>>, Waker);

#[derive(Default)]
struct Slot {
    generation: u32,
    task: Option<Task>,
}

/// The clock and the tasks.
pub struct Time {
    now: Cell<i64>,
    count: Cell<u64>,
    waiting: RefCell<BinaryHeap<Reverse<Wait>>>,
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    /// Whether the task that has its turn dies at the end of it.
    dying: Cell<bool>,
    current: Cell<TaskId>,
    turns: Cell<u64>,
    /// What handlers said that panicked.
    pub panics: RefCell<Vec<String>>,
}

/// How a task ended.
pub enum End<T> {
    Done(T),
    /// Its process died, or was stopped.
    Died,
}

struct Shared<T> {
    end: RefCell<Option<End<T>>>,
    waker: RefCell<Option<Waker>>,
}

/// The end of a task, to be waited for.
pub struct Join<T> {
    shared: Rc<Shared<T>>,
    pub id: TaskId,
}

impl<T> Future for Join<T> {
    type Output = End<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<T>> {
        match self.shared.end.borrow_mut().take() {
            Some(end) => Poll::Ready(end),
            None => {
                *self.shared.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Tells whoever waits, even if the task is dropped before its end.
struct Teller<T>(Rc<Shared<T>>);

impl<T> Teller<T> {
    fn tell(&self, end: End<T>) {
        *self.0.end.borrow_mut() = Some(end);
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        if self.0.end.borrow().is_none() {
            self.tell(End::Died);
        }
    }
}

impl Time {
    pub fn new() -> Self {
        READY.with_borrow_mut(VecDeque::clear);
        Self {
            now: Cell::new(BEGIN),
            count: Cell::new(0),
            waiting: RefCell::default(),
            slots: RefCell::default(),
            free: RefCell::default(),
            dying: Cell::new(false),
            current: Cell::new((0, 0)),
            turns: Cell::new(0),
            panics: RefCell::default(),
        }
    }

    /// Milliseconds.
    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// Starts a task, whose end may be waited for.
    pub fn spawn<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Join<T> {
        let shared = Rc::new(Shared { end: RefCell::new(None), waker: RefCell::new(None) });
        let teller = Teller(Rc::clone(&shared));
        let task = Box::pin(async move {
            let answer = task.await;
            teller.tell(End::Done(answer));
        });
        let mut slots = self.slots.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(Slot::default());
            u32::try_from(slots.len() - 1).expect("fewer than four thousand million tasks")
        });
        let slot = &mut slots[place as usize];
        slot.generation += 1;
        let id = (place, slot.generation);
        slot.task = Some((task, Waker::from(Arc::new(Bell(id)))));
        READY.with_borrow_mut(|ready| ready.push_back(id));
        Join { shared, id }
    }

    /// Stops the task where it is. It may have ended.
    pub fn kill(&self, id: TaskId) {
        if id == self.current.get() {
            self.dying.set(true);
            return;
        }
        let task = self.take(id);
        if task.is_some() {
            self.free.borrow_mut().push(id.0);
        }
        // Dropped here, where nothing is borrowed: its end may be waited for.
        drop(task);
    }

    /// The process of the task that has its turn dies here.
    pub async fn die(&self) {
        self.dying.set(true);
        std::future::pending().await
    }

    /// Waits; who waits until the same moment goes on in the order of `tie`.
    pub fn sleep(&self, millis: i64, tie: u64) -> Sleep<'_> {
        Sleep { time: self, until: self.now.get() + millis, tie, waits: false }
    }

    fn take(&self, id: TaskId) -> Option<Task> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(id.0 as usize)?;
        if slot.generation == id.1 { slot.task.take() } else { None }
    }

    /// Lets everyone go on, and leaps, until nobody waits for time to pass, or `most` turns were had. Answers whether all is
    /// at rest.
    pub fn run(&self, most: u64) -> bool {
        loop {
            while let Some(id) = READY.with_borrow_mut(VecDeque::pop_front) {
                self.turn(id);
                if self.turns.get() > most {
                    return false;
                }
            }
            let Some(Reverse(Wait(until, .., waker))) = self.waiting.borrow_mut().pop() else { return true };
            self.now.set(self.now.get().max(until));
            waker.wake();
        }
    }

    fn turn(&self, id: TaskId) {
        let Some((mut task, waker)) = self.take(id) else { return };
        self.turns.set(self.turns.get() + 1);
        self.current.set(id);
        let turn = || task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        // A panic is the end of its process, and of nothing else.
        let ended = catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            self.panics.borrow_mut().push(text.unwrap_or_default());
            true
        });
        self.current.set((0, 0));
        if self.dying.replace(false) || ended {
            self.free.borrow_mut().push(id.0);
        } else {
            self.slots.borrow_mut()[id.0 as usize].task = Some((task, waker));
        }
    }

    /// Everyone is forgotten: the tasks keep their world alive, and the world them.
    pub fn end(&self) {
        let slots = self.slots.take();
        drop(slots);
        self.waiting.borrow_mut().clear();
        READY.with_borrow_mut(VecDeque::clear);
    }
}

/// A wait.
pub struct Sleep<'a> {
    time: &'a Time,
    until: i64,
    tie: u64,
    waits: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.waits && self.time.now.get() >= self.until {
            return Poll::Ready(());
        }
        if !self.waits {
            self.waits = true;
            let count = self.time.count.replace(self.time.count.get() + 1);
            let wait = Wait(self.until, self.tie, count, context.waker().clone());
            self.time.waiting.borrow_mut().push(Reverse(wait));
        }
        Poll::Pending
    }
}

/// Lets tasks wait for something that others bring about.
#[derive(Default)]
pub struct Signal(RefCell<Vec<Waker>>);

impl Signal {
    pub fn ring(&self) {
        for waker in self.0.take() {
            waker.wake();
        }
    }

    /// Until the next ring.
    pub async fn heard(&self) {
        let mut waits = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waits, true) {
                return Poll::Ready(());
            }
            self.0.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
