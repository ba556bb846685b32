(module
  ;; A job that saves after each of nine steps, after the canonical ABI.
  (import "bramble:job/io@0.1.2" "[method]sink.write-to" (func $write_to (param i32 i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]source" (func $drop_source (param i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]sink" (func $drop_sink (param i32)))
  (import "bramble:job/host@0.1.2" "log" (func $log (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "progress" (func $progress (param i64 i64)))
  (import "bramble:job/host@0.1.2" "param" (func $param (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "save" (func $save (param i32 i32)))
  (import "bramble:job/host@0.1.2" "load" (func $load (param i32)))
  (import "bramble:job/host@0.1.2" "should-save" (func $should_save (result i32)))
  (import "bramble:job/host@0.1.2" "stopping" (func $stopping (result i32)))
  (memory (export "memory") 40)
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 96) "eager")
  (data (i32.const 104) "state")
  (data (i32.const 112) "stopped")

  ;; Hands out memory and never takes it back: all lists are short.
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $len i32)
    (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get $len)))
    (local.get $at))

  ;; Whether a parameter is given.
  (func $has (param $name i32) (result i32)
    (call $param (local.get $name) (i32.const 5) (i32.const 32))
    (i32.load8_u (i32.const 32)))

  ;; Waits until it should save. 0 when it should stop instead.
  (func $wait (result i32)
    (loop $again
      (if (call $stopping) (then (return (i32.const 0))))
      (br_if $again (i32.eqz (call $should_save))))
    (i32.const 1))

  (func $fail (result i32)
    (i32.store8 (i32.const 16) (i32.const 1))
    (i32.store8 (i32.const 20) (i32.const 2))
    (i32.store (i32.const 24) (i32.const 112))
    (i32.store (i32.const 28) (i32.const 7))
    (i32.const 16))

  (func (export "bramble:job/mapper@0.1.2#run")
    (param $job i64) (param $index i32) (param $count i32) (param $partitions i32)
    (param $seed i64) (param $offset i64) (param $input i32) (param $output i32) (result i32)
    (local $step i32) (local $eager i32) (local $answer i32)
    (local.set $answer (i32.const 16))
    (local.set $eager (call $has (i32.const 96)))
    (call $load (i32.const 48))
    (if (i32.load8_u (i32.const 48))
      (then (local.set $step (i32.load8_u (i32.load (i32.const 52))))))
    (i32.store8 (i32.const 64) (i32.add (local.get $step) (i32.const 48)))
    (call $log (i32.const 1) (i32.const 64) (i32.const 1))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $step) (i32.const 9)))
        (call $progress (i64.extend_i32_u (local.get $step)) (i64.const 9))
        (i32.store8 (i32.const 65) (local.get $step))
        (call $write_to (local.get $output) (i32.const 0) (i32.const 65) (i32.const 1))
        (memory.fill (i32.const 8192) (local.get $step) (i32.const 100000))
        (call $write_to (local.get $output) (i32.const 1) (i32.const 8192) (i32.const 100000))
        (local.set $step (i32.add (local.get $step) (i32.const 1)))
        (if (i32.eqz (local.get $eager))
          (then (if (i32.eqz (call $wait))
            (then (local.set $answer (call $fail)) (br $done)))))
        (i32.store8 (i32.const 66) (local.get $step))
        (if (call $has (i32.const 104))
          (then (call $save (i32.const 66) (i32.const 1048577)))
          (else (call $save (i32.const 66) (i32.const 1))))
        (br $next)))
    (call $drop_source (local.get $input))
    (call $drop_sink (local.get $output))
    (local.get $answer))

  ;; Saves although its phase cannot be resumed.
  (func (export "bramble:job/partitioner@0.1.2#ranges")
    (param i64 i32 i32 i32 i64 i64) (param $sample i32) (result i32)
    (call $save (i32.const 66) (i32.const 1))
    (call $drop_source (local.get $sample))
    (i32.const 16))

  ;; There must be one where there is a partitioner.
  (func (export "bramble:job/merger@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64 i32 i32 i32) (result i32) unreachable))
