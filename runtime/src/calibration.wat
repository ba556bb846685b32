;; What nodes are measured by: about 10 ms of the work that jobs do. Whoever changes it changes what
;; a node's speed means; see REFERENCE_US in protocol/src/node.rs.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  ;; 256 KiB of numbers, which is more than the first cache of any board holds.
  (memory (export "memory") 5)

  ;; Integers: walks through memory by what it reads there, with branches nobody can predict.
  (func $walk (param $steps i32) (result i32)
    (local $at i32) (local $sum i32) (local $word i32)
    (loop $next
      (local.set $word
        (i32.add
          (i32.load (local.get $at))
          (i32.mul (local.get $sum) (i32.const 0x9e3779b1))))
      (i32.store (local.get $at) (local.get $word))
      (if (i32.and (local.get $word) (i32.const 0x100))
        (then (local.set $sum (i32.rotl (local.get $word) (i32.const 5))))
        (else (local.set $sum (i32.xor (local.get $sum) (local.get $word)))))
      (local.set $at (i32.and (i32.add (local.get $word) (local.get $sum)) (i32.const 0x3fffc)))
      (br_if $next (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (local.get $sum))

  ;; Floating point: a chain of multiplications and additions. No NaN comes of it, so that the
  ;; answer is the same everywhere.
  (func $chain (param $steps i32) (result f64)
    (local $x f64)
    (local.set $x (f64.const 0.4))
    (loop $next
      (local.set $x
        (f64.mul
          (f64.mul (f64.const 3.9) (local.get $x))
          (f64.sub (f64.const 1) (local.get $x))))
      (br_if $next (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (local.get $x))

  (func (export "_start")
    ;; The answer, behind the numbers, and where it is.
    (i32.store (i32.const 0x40010) (call $walk (i32.const 900000)))
    (f64.store (i32.const 0x40018) (call $chain (i32.const 400000)))
    (i32.store (i32.const 0x40000) (i32.const 0x40010))
    (i32.store (i32.const 0x40004) (i32.const 16))
    (drop (call $fd_write (i32.const 1) (i32.const 0x40000) (i32.const 1) (i32.const 0x40008)))))
