//! Content: a counted message body that several messages, pipes and threads may hold.
//!
//! Three words: block, first byte, length. The block counts the references and knows what the last of them does:
//! recycle the memory, run a caller's free function, drop a vector. Without a block the body is constant.
//!
//! Invariants: while a content lives, its `len` bytes at `ptr` are readable, and nobody writes them unless he holds
//! the only reference. Counts saturate: a block with 2^31 references is never freed.
use std::{ffi::c_void, fmt, mem::ManuallyDrop, ptr, slice};

use bytes::Bytes;

use crate::{
    OutOfMemory,
    cancel::uncancelled,
    chunk,
    pool::{self, Block, BlockKind},
    prefetch,
    sync::{Ordering, fence},
};

/// From here on a count only stays: the block leaks instead of being freed too early.
const SATURATED: u32 = 1 << 31;

/// Frees a foreign buffer: called with its data and hint, on whatever thread the last reference dies.
pub type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// A shared, counted body.
#[repr(C)]
pub struct Content {
    block: *mut Block,
    ptr: *mut u8,
    len: usize,
}

// SAFETY: the bytes are read only while shared; the count is atomic; what the last reference does is allowed on
// any thread (contract of `foreign`, and `Vec` and `Bytes` are Send).
unsafe impl Send for Content {}
// SAFETY: through `&Content` the bytes are only read, and the count is atomic.
unsafe impl Sync for Content {}

struct Foreign {
    free: FreeFn,
    data: *mut c_void,
    hint: *mut c_void,
}

struct VecParts {
    ptr: *mut u8,
    capacity: usize,
}

/// Adds `n` references.
///
/// # Safety
/// The caller holds a reference to `block`.
#[inline]
pub(crate) unsafe fn retain(block: *mut Block, n: u32) {
    // SAFETY: the caller's reference keeps the header alive.
    let rc = unsafe { &(*block).rc };
    if rc.fetch_add(n, Ordering::Relaxed) >= SATURATED {
        // Back to the middle of the saturated half, so that racing adders never wrap it.
        rc.store(SATURATED + (SATURATED >> 1), Ordering::Relaxed);
    }
}

/// Gives `n` references back; the last one frees.
///
/// # Safety
/// The caller holds `n` references to `block` and uses it no more.
#[inline]
pub(crate) unsafe fn release(block: *mut Block, n: u32) {
    // SAFETY: the caller's references keep the header alive until they are subtracted.
    let rc = unsafe { &(*block).rc };
    // Acquire: what other holders did with the block happens before it is freed.
    let count = rc.load(Ordering::Acquire);
    if count != n {
        if count >= SATURATED || rc.fetch_sub(n, Ordering::Release) != n {
            return;
        }
        fence(Ordering::Acquire);
    }
    // SAFETY: these were the last references.
    unsafe { finish(block) };
}

/// # Safety
/// The last reference to `block` is gone.
#[inline]
unsafe fn finish(block: *mut Block) {
    // SAFETY: by the contract the block is ours alone; its kind says what its data is.
    unsafe {
        match (*block).kind {
            BlockKind::Plain => pool::release(block),
            BlockKind::Chunk => chunk::recycle(block),
            _ => finish_holder(block),
        }
    }
}

/// # Safety
/// As [`finish`], for a block that holds somebody else's memory.
#[inline(never)]
unsafe fn finish_holder(block: *mut Block) {
    // SAFETY: the kind says what was written to the data; it is read out once. Foreign code runs last, when the
    // block is back and nothing of ours is borrowed: it may use sockets and messages itself.
    unsafe {
        let data = pool::data(block);
        match (*block).kind {
            BlockKind::Foreign => {
                let foreign = data.cast::<Foreign>().read();
                pool::release(block);
                uncancelled(|| (foreign.free)(foreign.data, foreign.hint));
            }
            BlockKind::Vec => {
                let parts = data.cast::<VecParts>().read();
                pool::release(block);
                drop(Vec::from_raw_parts(parts.ptr, 0, parts.capacity));
            }
            BlockKind::Bytes => {
                let bytes = data.cast::<Bytes>().read();
                pool::release(block);
                drop(bytes);
            }
            BlockKind::Plain | BlockKind::Chunk => {}
        }
    }
}

impl Content {
    /// A constant body.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self { block: ptr::null_mut(), ptr: bytes.as_ptr().cast_mut(), len: bytes.len() }
    }

    /// A copy of these bytes.
    #[inline(always)]
    pub fn copy_from(bytes: &[u8]) -> Result<Self, OutOfMemory> {
        let block = pool::allocate(bytes.len())?;
        // SAFETY: a fresh block with room for all of `bytes`.
        unsafe {
            let ptr = pool::data(block);
            ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, bytes.len());
            Ok(Self { block, ptr, len: bytes.len() })
        }
    }

    /// A zeroed body of this size.
    #[inline(always)]
    pub fn zeroed(size: usize) -> Result<Self, OutOfMemory> {
        // Memory that was used before is zeroed faster than the system finds any; the largest is always its own.
        let kept = size <= pool::KEPT_MAX;
        let block = if kept { pool::allocate(size)? } else { pool::allocate_zeroed(size)? };
        // SAFETY: a fresh block with room for `size` bytes.
        let ptr = unsafe { pool::data(block) };
        if kept {
            // SAFETY: as above.
            unsafe { ptr.write_bytes(0, size) };
        }
        Ok(Self { block, ptr, len: size })
    }

    /// A body of this size with whatever the memory held.
    ///
    /// # Safety
    /// Every byte is written before any is read.
    pub unsafe fn uninit(size: usize) -> Result<Self, OutOfMemory> {
        let block = pool::allocate(size)?;
        // SAFETY: a fresh block.
        Ok(Self { block, ptr: unsafe { pool::data(block) }, len: size })
    }

    /// A block whose data is `value`, for a body that lies elsewhere.
    fn holder<T>(kind: BlockKind, value: T, ptr: *mut u8, len: usize) -> Result<Self, (OutOfMemory, T)> {
        const { assert!(size_of::<T>() <= 64 && align_of::<T>() <= 16) };
        let Ok(block) = pool::allocate(64) else { return Err((OutOfMemory, value)) };
        // SAFETY: a fresh block of 64 bytes, aligned to 16.
        unsafe {
            (*block).kind = kind;
            pool::data(block).cast::<T>().write(value);
        }
        Ok(Self { block, ptr, len })
    }

    /// The vector itself, not a copy.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, OutOfMemory> {
        let mut bytes = ManuallyDrop::new(bytes);
        let (ptr, len, capacity) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
        Self::holder(BlockKind::Vec, VecParts { ptr, capacity }, ptr, len).map_err(|(error, _)| {
            drop(ManuallyDrop::into_inner(bytes));
            error
        })
    }

    /// The same bytes, not a copy.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, OutOfMemory> {
        let (ptr, len) = (bytes.as_ptr().cast_mut(), bytes.len());
        Self::holder(BlockKind::Bytes, bytes, ptr, len).map_err(|(error, _)| error)
    }

    /// The bytes of their owner, not a copy; it is dropped with the last reference to them.
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + 'static) -> Result<Self, OutOfMemory> {
        Self::from_bytes(Bytes::from_owner(owner))
    }

    /// A body in memory of the caller, never copied. `free` is called exactly once, when the last reference dies;
    /// without one the memory is constant. On failure the data stays the caller's.
    ///
    /// # Safety
    /// `data` points to `size` readable bytes (writable ones with `free`), or `size` is 0, until `free` is called,
    /// for ever without one; `free` may be called with `data` and `hint` from any thread.
    pub unsafe fn foreign(
        data: *mut c_void,
        size: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Result<Self, OutOfMemory> {
        let ptr = if data.is_null() { ptr::dangling_mut() } else { data.cast() };
        let Some(free) = free else { return Ok(Self { block: ptr::null_mut(), ptr, len: size }) };
        Self::holder(BlockKind::Foreign, Foreign { free, data, hint }, ptr, size).map_err(|(error, _)| error)
    }

    /// # Safety
    /// The caller passes on one reference to `block`, and `len` bytes at `ptr` are part of it.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(block: *mut Block, ptr: *mut u8, len: usize) -> Self {
        Self { block, ptr, len }
    }

    /// Bytes of the body.
    #[inline(always)]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the body has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The body.
    #[inline(always)]
    pub const fn as_slice(&self) -> &[u8] {
        // SAFETY: the invariant of the type.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }

    /// The first byte; never null.
    #[inline(always)]
    pub(crate) const fn as_mut_ptr(&self) -> *mut u8 {
        self.ptr
    }

    /// Asks for the memory of a short body, with its count: processors foresee by themselves how a longer one goes on.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        if self.len <= 2 * prefetch::LINE - size_of::<Block>() {
            prefetch::to_write(self.block);
            prefetch::to_read(self.block.cast::<u8>().wrapping_add(prefetch::LINE));
        }
    }

    /// Another reference to the same bytes.
    #[inline]
    pub fn share(&self) -> Self {
        if !self.block.is_null() {
            // SAFETY: we hold a reference.
            unsafe { retain(self.block, 1) };
        }
        Self { block: self.block, ptr: self.ptr, len: self.len }
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn block(&self) -> *mut Block {
        self.block
    }

    fn kind(&self) -> Option<BlockKind> {
        // SAFETY: a live content's block is live.
        (!self.block.is_null()).then(|| unsafe { (*self.block).kind })
    }

    /// Whether this is surely the only reference to the bytes. Parts of a read chunk and `Bytes` never are.
    pub fn is_unique(&self) -> bool {
        match self.kind() {
            Some(BlockKind::Plain | BlockKind::Vec | BlockKind::Foreign) => {
                // SAFETY: a live content's block is live.
                unsafe { (*self.block).rc.load(Ordering::Acquire) == 1 }
            }
            _ => false,
        }
    }

    /// Whether the bytes belong to somebody else, who may look at them.
    pub(crate) fn is_lent(&self) -> bool {
        matches!(self.kind(), None | Some(BlockKind::Bytes))
    }

    /// Whether the memory is of this crate, or constant.
    #[inline(always)]
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.kind(), None | Some(BlockKind::Plain | BlockKind::Chunk))
    }

    /// Whether a free function tells the owner of the bytes that they are no longer needed.
    #[inline]
    pub(crate) fn is_foreign(&self) -> bool {
        self.kind() == Some(BlockKind::Foreign)
    }

    /// The vector that this content was made of, if this is the only reference.
    pub fn into_vec(self) -> Result<Vec<u8>, Self> {
        if self.kind() != Some(BlockKind::Vec) || !self.is_unique() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: the only reference; the kind says what the data is. It is read out once, the block given back.
        unsafe {
            let parts = pool::data(this.block).cast::<VecParts>().read();
            pool::release(this.block);
            Ok(Vec::from_raw_parts(parts.ptr, this.len, parts.capacity))
        }
    }

    /// The body as `Bytes`, never copied.
    pub fn into_bytes(self) -> Bytes {
        if self.kind() == Some(BlockKind::Bytes) {
            // SAFETY: the kind says what the data is; our reference keeps it alive while it is cloned.
            return unsafe { (*pool::data(self.block).cast::<Bytes>()).clone() };
        }
        match self.into_vec() {
            Ok(vec) => Bytes::from(vec),
            Err(content) => Bytes::from_owner(content),
        }
    }
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Drop for Content {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.block.is_null() {
            // SAFETY: one reference is ours and ends here.
            unsafe { release(self.block, 1) };
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.len)
    }
}
