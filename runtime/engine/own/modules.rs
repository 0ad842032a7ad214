//! A used block's thread-locals anew: what each loaded module begins with is copied there again.
//!
//! The C library's own are left as they are, and the loader's: malloc's cache is among them, which
//! is to be used by the next fiber rather than lost. What else they hold is reset by `end` and
//! `begin`, or a cache, too.
//!
//! A look at the list of modules costs a microsecond, and a fiber is to begin in a fraction of
//! that. So what was found is kept, with the loader's counts of modules that came and went; as long
//! as those stand, the kept list is copied from. Modules that were loaded later keep their
//! thread-locals apart from the block (dynamically), where only a full look finds them.
//!
//! # Invariants
//!
//! 1. Copying is done inside of the loader's walk: no module goes meanwhile.
//! 2. Nothing in here waits for a lock of ours: how a lock waits may hang on thread-locals, which
//!    are being replaced. Who finds the list taken does without.
//! 3. Nothing in the walk calls the loader (`dlsym`): the walk holds one of its locks, and who
//!    loads a module holds the others while it waits for that one.

use super::layout;
use crate::engine::atomic::Mutex;
use std::ffi::c_void;
use std::mem;
use std::ptr;

/// What the thread-locals of a module begin as.
#[derive(Clone, Copy, Debug)]
struct Image {
    /// From the thread pointer.
    offset: isize,
    bytes: usize,
    data: *const u8,
    /// What follows on them is zero.
    data_bytes: usize,
}

/// Images of all modules in every block, as of some moment.
#[derive(Debug)]
struct Kept {
    /// Modules that had come until then, and that had gone. None before the first look.
    counts: Option<(u64, u64)>,
    images: Vec<Image>,
    /// Whether there were modules whose thread-locals lie apart.
    has_dynamic: bool,
}

// SAFETY: the addresses of modules' data, which are everybody's; see invariant 1.
unsafe impl Send for Kept {}

static KEPT: Mutex<Kept> =
    Mutex::new(Kept { counts: None, images: Vec::new(), has_dynamic: false });

/// One walk over the modules.
struct Walk {
    base: *mut u8,
    errno: usize,
    loader: usize,
    /// What is to be kept, once the walk had to be a full one.
    found: Option<Kept>,
}

/// Makes the thread-locals of all modules anew, but for the C library's and the loader's.
///
/// # Safety
///
/// `base` is the calling thread's, whose thread-locals nobody refers to.
pub(super) unsafe fn renew(base: *mut u8) {
    // SAFETY: the address alone is used.
    let errno = unsafe { libc::__errno_location() }.addr();
    let mut walk = Walk { base, errno, loader: 0, found: None };
    // SAFETY: the walk lives until it returns; `visit` does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut walk).cast()) };
    if let Some(found) = walk.found
        && let Some(mut kept) = KEPT.try_lock()
    {
        let former = mem::replace(&mut *kept, found);
        drop(kept);
        drop(former);
    }
}

/// Sees one module, and all that are kept at the first. Not 0 ends the walk.
///
/// # Safety
///
/// Called by the walk, with what `renew` has passed.
unsafe extern "C" fn visit(
    module: *mut libc::dl_phdr_info,
    bytes: usize,
    walk: *mut c_void,
) -> libc::c_int {
    // SAFETY: as promised by the caller.
    let (module, walk) = unsafe { (&*module, &mut *walk.cast::<Walk>()) };
    debug_assert!(bytes >= size_of::<libc::dl_phdr_info>());
    let counts = (module.dlpi_adds, module.dlpi_subs);
    if walk.found.is_none() {
        if let Some(kept) = KEPT.try_lock()
            && kept.counts == Some(counts)
            && !kept.has_dynamic
        {
            // SAFETY: no module has come or gone since these were found.
            kept.images.iter().for_each(|image| unsafe { image.copy(walk.base) });
            return 1;
        }
        walk.begin(counts);
    }
    // SAFETY: passed on.
    unsafe { walk.see(module) };
    0
}

impl Walk {
    fn begin(&mut self, counts: (u64, u64)) {
        // SAFETY: no preconditions.
        self.loader = unsafe { libc::getauxval(libc::AT_BASE) } as usize;
        self.found = Some(Kept { counts: Some(counts), images: Vec::new(), has_dynamic: false });
    }

    /// # Safety
    ///
    /// The module stays for as long as this takes.
    unsafe fn see(&mut self, module: &libc::dl_phdr_info) {
        if module.dlpi_tls_modid == 0 {
            return;
        }
        // SAFETY: the headers of a loaded module.
        let headers =
            unsafe { std::slice::from_raw_parts(module.dlpi_phdr, usize::from(module.dlpi_phnum)) };
        let Some(tls) = headers.iter().find(|header| header.p_type == libc::PT_TLS) else { return };
        let start = module.dlpi_tls_data.cast::<u8>();
        let offset = layout::distance(self.base, start);
        let image = Image {
            offset,
            bytes: tls.p_memsz as usize,
            data: ptr::with_exposed_provenance((module.dlpi_addr + tls.p_vaddr) as usize),
            data_bytes: tls.p_filesz as usize,
        };
        let is_static = !start.is_null() && layout::found().modules.contains(&offset);
        let holds_errno = (start.addr()..start.addr() + image.bytes).contains(&self.errno);
        let found = self.found.as_mut().expect("`begin` comes before");
        found.has_dynamic |= !is_static;
        if start.is_null() || holds_errno || module.dlpi_addr as usize == self.loader {
            return;
        }
        // SAFETY: the thread-locals of the calling thread, as the loader says.
        unsafe { image.copy(self.base) };
        if is_static {
            found.images.push(image);
        }
    }
}

impl Image {
    /// # Safety
    ///
    /// The module is loaded; `base` is that of a block whose thread-locals of it nobody refers to.
    #[inline]
    unsafe fn copy(&self, base: *mut u8) {
        // SAFETY: the module's place in a block has this size, and its data that one.
        unsafe {
            let start = base.offset(self.offset);
            ptr::copy_nonoverlapping(self.data, start, self.data_bytes);
            ptr::write_bytes(start.add(self.data_bytes), 0, self.bytes - self.data_bytes);
        }
    }
}
