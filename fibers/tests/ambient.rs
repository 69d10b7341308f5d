//! `errno` and the C++ exception globals belong to the fiber.

mod common;

use std::ffi::{c_int, c_uint, c_void};

use common::{Moved, bounded, fiber, here};
use vitte_fibers::Resumed;

// A thread-local read on both sides of a suspension goes through functions that are never inlined: a compiler may otherwise
// keep its address, which after the suspension is another thread's. This is how an embedder has to read its own.
#[inline(never)]
fn errno() -> c_int {
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() }
}

#[inline(never)]
fn set_errno(value: c_int) {
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() = value };
}

#[test]
fn errno_stays_with_the_fiber_and_with_the_thread() {
    bounded(|| {
        let mut fiber = fiber(|me| {
            assert_eq!(errno(), 0, "a fiber starts with its own errno");
            set_errno(77);
            me.suspend().unwrap();
            assert_eq!(
                errno(),
                77,
                "the fiber's errno came along to the other thread"
            );
            set_errno(78);
        });
        set_errno(5);
        let resumed = fiber.resume(&here());
        let after = errno();
        assert!(matches!(resumed, Resumed::Suspended));
        assert_eq!(after, 5, "the thread's errno is untouched by the fiber");

        let moved = Moved(fiber);
        let other = std::thread::spawn(move || {
            let mut moved = moved;
            let here = here();
            set_errno(6);
            let resumed = moved.0.resume(&here);
            let after = errno();
            assert!(matches!(resumed, Resumed::Returned), "{resumed:?}");
            assert_eq!(after, 6);
        });
        other.join().unwrap();
    });
}

#[test]
fn two_fibers_do_not_see_each_others_errno() {
    let here = here();
    let mut fibers = [11, 12].map(|own| {
        fiber(move |me| {
            set_errno(own);
            me.suspend().unwrap();
            assert_eq!(errno(), own);
        })
    });
    for fiber in &mut fibers {
        assert!(matches!(fiber.resume(&here), Resumed::Suspended));
    }
    for fiber in &mut fibers {
        assert!(matches!(fiber.resume(&here), Resumed::Returned));
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Globals {
    caught: *mut c_void,
    uncaught: c_uint,
}

const NONE: Globals = Globals {
    caught: std::ptr::null_mut(),
    uncaught: 0,
};

type Getter = unsafe extern "C" fn() -> *mut Globals;

/// The C++ runtime's getter, if there is a C++ runtime to load.
fn load_cxx() -> Option<Getter> {
    // SAFETY: loads the C++ runtime, whose initialisers are harmless.
    let library = unsafe { libc::dlopen(c"libstdc++.so.6".as_ptr(), libc::RTLD_LAZY) };
    if library.is_null() {
        return None;
    }
    // SAFETY: a valid handle and a C string.
    let getter = unsafe { libc::dlsym(library, c"__cxa_get_globals".as_ptr()) };
    assert!(!getter.is_null(), "a C++ runtime without its ABI");
    // SAFETY: the C++ ABI gives the function this type.
    Some(unsafe { std::mem::transmute::<*mut c_void, Getter>(getter) })
}

#[inline(never)]
fn globals(getter: Getter) -> Globals {
    // SAFETY: this thread's globals.
    unsafe { *getter() }
}

#[inline(never)]
fn set_globals(getter: Getter, to: Globals) {
    // SAFETY: this thread's globals; no C++ code runs while they are made up.
    unsafe { *getter() = to };
}

#[test]
fn the_cxx_exception_globals_stay_with_the_fiber() {
    let early = here();
    let Some(getter) = load_cxx() else {
        eprintln!("skipped: libstdc++.so.6 cannot be loaded here");
        return;
    };
    early.look_for_cxx();
    assert!(
        early.keeps_cxx(),
        "a runtime loaded later is found when looked for again"
    );

    bounded(move || {
        let mut fiber = fiber(move |me| {
            assert_eq!(globals(getter), NONE);
            let own = Globals {
                caught: std::ptr::without_provenance_mut(0x1230),
                uncaught: 3,
            };
            set_globals(getter, own);
            me.suspend().unwrap();
            assert_eq!(globals(getter), own);
            set_globals(getter, NONE);
        });
        let here_now = here();
        assert!(here_now.keeps_cxx());
        assert!(matches!(fiber.resume(&here_now), Resumed::Suspended));
        assert_eq!(globals(getter), NONE);

        let moved = Moved(fiber);
        let other = std::thread::spawn(move || {
            let mut moved = moved;
            let thrown_here = Globals {
                caught: std::ptr::without_provenance_mut(0x4560),
                uncaught: 1,
            };
            let here = here();
            set_globals(getter, thrown_here);
            let resumed = moved.0.resume(&here);
            assert_eq!(globals(getter), thrown_here);
            set_globals(getter, NONE);
            assert!(matches!(resumed, Resumed::Returned), "{resumed:?}");
        });
        other.join().unwrap();
    });
}
