//! The program and its libraries, with what is needed to unwind their frames.
//!
//! Each module carries a table of its functions' frames, `.eh_frame_hdr` and `.eh_frame`, which the
//! loader has mapped; so nothing is read from files. Libraries can be unloaded by another thread
//! once we are done listing them: theirs are copied. The program itself stays.

use framehop::{ExplicitModuleSectionInfo, Module};
use std::borrow::Cow;
use std::ops::Range;
use std::ptr;
use std::slice;

/// The version of `.eh_frame_hdr`, and how the address of `.eh_frame` is given in it by all
/// linkers: relative to itself, in four bytes.
const HEADER: [u8; 2] = [1, 0x1b];

/// Unwind information, in the program or copied.
pub(super) type Data = Cow<'static, [u8]>;

/// Lists what is loaded.
pub(super) fn loaded() -> Vec<Module<Data>> {
    let mut modules: Vec<Module<Data>> = Vec::new();
    // SAFETY: `add` gets the pointer that is given here, and nobody else has it meanwhile.
    unsafe { libc::dl_iterate_phdr(Some(add), ptr::from_mut(&mut modules).cast()) };
    modules
}

/// # Safety
///
/// Called by `dl_iterate_phdr`, with a vector of modules.
unsafe extern "C" fn add(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    modules: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: by the caller's promise; the loader holds its lock, so the module stays meanwhile.
    let (info, modules) = unsafe { (&*info, &mut *modules.cast::<Vec<Module<Data>>>()) };
    // SAFETY: null or a string.
    let is_program = unsafe { info.dlpi_name.is_null() || *info.dlpi_name == 0 };
    // SAFETY: the loader's table of as many headers.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    // SAFETY: loaded, and the program is not unloaded.
    modules.extend(unsafe { module(info.dlpi_addr, headers, is_program) });
    0
}

/// Describes a module. None if it has no table of the kind that is known.
///
/// # Safety
///
/// The module is loaded, and stays so; for ever if `is_program`.
unsafe fn module(
    base: u64,
    headers: &[libc::Elf64_Phdr],
    is_program: bool,
) -> Option<Module<Data>> {
    let range = |header: &libc::Elf64_Phdr| header.p_vaddr..header.p_vaddr + header.p_memsz;
    let segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let code = segments.clone().filter(|header| header.p_flags & libc::PF_X != 0).map(range);
    let code = code.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))?;
    let table = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME).map(range)?;
    // SAFETY: a part of a loaded segment.
    let data = |range: &Range<u64>| unsafe {
        let start = ptr::with_exposed_provenance((base + range.start) as usize);
        slice::from_raw_parts::<'static, u8>(start, (range.end - range.start) as usize)
    };
    let [version, encoding, _, _, offset @ ..] = data(&table).first_chunk::<8>()?;
    if [*version, *encoding] != HEADER {
        return None;
    }
    let frames = (table.start + 4).checked_add_signed(i32::from_ne_bytes(*offset).into())?;
    // It ends somewhere in its segment: whoever follows the table's entries stays inside.
    let segment = segments.clone().map(range).find(|segment| segment.contains(&frames))?;
    let frames = frames..segment.end;
    let keep = |range: &Range<u64>| match is_program {
        true => Cow::Borrowed(data(range)),
        false => Cow::Owned(data(range).to_vec()),
    };
    let sections = ExplicitModuleSectionInfo {
        base_svma: 0,
        eh_frame: Some(keep(&frames)),
        eh_frame_svma: Some(frames),
        eh_frame_hdr: Some(keep(&table)),
        eh_frame_hdr_svma: Some(table),
        ..ExplicitModuleSectionInfo::default()
    };
    Some(Module::new(String::new(), base + code.start..base + code.end, base, sections))
}
