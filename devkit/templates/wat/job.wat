;; Turns text into capitals: a plain program from standard input to standard output, written
;; in the text form of WebAssembly.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param $fd i32) (param $parts i32) (param $count i32) (param $got i32)
      (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $parts i32) (param $count i32) (param $put i32)
      (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param $status i32)))

  ;; At 0: address and length of the block, at 8: how many bytes were read or written.
  (memory (export "memory") 2)

  (func $check (param $error i32)
    (if (local.get $error) (then (call $exit (i32.const 1)))))

  (func (export "_start") (local $count i32) (local $i i32) (local $byte i32)
    (loop $blocks
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 65536))
      (call $check (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $count (i32.load (i32.const 8)))
      (if (i32.eqz (local.get $count)) (then (return)))

      (local.set $i (i32.const 0))
      (loop $bytes
        (local.set $byte (i32.load8_u offset=1024 (local.get $i)))
        ;; As unsigned numbers, only letters from a to z are less than 26 after this.
        (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
          (then
            (i32.store8 offset=1024 (local.get $i)
              (i32.sub (local.get $byte) (i32.const 32)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $bytes (i32.lt_u (local.get $i) (local.get $count))))

      (i32.store (i32.const 4) (local.get $count))
      (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $blocks))))
