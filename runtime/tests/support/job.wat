(module
  ;; A job by hand, after the canonical ABI: what an SDK would make of a few lines.
  (import "bramble:job/io@0.1.2" "[method]source.size" (func $size (param i32) (result i64)))
  (import "bramble:job/io@0.1.2" "[method]source.read" (func $read (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[method]source.read-at" (func $read_at (param i32 i64 i32 i32)))
  (import "bramble:job/io@0.1.2" "[method]sink.write-to" (func $write_to (param i32 i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]source" (func $drop_source (param i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]sink" (func $drop_sink (param i32)))
  (import "bramble:job/host@0.1.2" "log" (func $log (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "progress" (func $progress (param i64 i64)))
  (import "bramble:job/host@0.1.2" "param" (func $param (param i32 i32 i32)))
  (import "bramble:job/host@0.1.2" "ranges" (func $ranges (param i32)))
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 64) "mapped a chunk")
  (data (i32.const 96) "fail")
  (data (i32.const 112) "not a number in line 3")

  ;; Hands out memory and never takes it back: an instance lives for one task.
  (func $alloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $len i32)
    (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get $len)))
    (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
      (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
              (i32.shr_u (local.get $len) (i32.const 16)))))
        (then unreachable))))
    (local.get $at))

  (func $copy (param $source i32) (param $sink i32) (param $partition i32)
    (loop $next
      ;; One block at a time in the same place, as an SDK would reuse its buffer.
      (global.set $free (i32.const 4096))
      (call $read (local.get $source) (i32.const 65536) (i32.const 32))
      (if (i32.load (i32.const 36))
        (then
          (call $write_to (local.get $sink) (local.get $partition)
            (i32.load (i32.const 32)) (i32.load (i32.const 36)))
          (br $next)))))

  ;; Writes the ranges to the first output and the chunk to the last.
  (func (export "bramble:job/mapper@0.1.2#run")
    (param $job i64) (param $index i32) (param $count i32) (param $partitions i32)
    (param $seed i64) (param $offset i64) (param $input i32) (param $output i32) (result i32)
    (call $param (i32.const 96) (i32.const 4) (i32.const 48))
    (if (i32.load8_u (i32.const 48))
      (then
        (i32.store8 (i32.const 16) (i32.const 1))
        (i32.store8 (i32.const 20)
          (i32.sub (i32.load8_u (i32.load (i32.const 52))) (i32.const 48)))
        (i32.store (i32.const 24) (i32.const 112))
        (i32.store (i32.const 28) (i32.const 22)))
      (else
        (call $ranges (i32.const 32))
        (call $write_to (local.get $output) (i32.const 0)
          (i32.load (i32.const 32)) (i32.load (i32.const 36)))
        (call $copy (local.get $input) (local.get $output)
          (i32.sub (local.get $partitions) (i32.const 1)))
        (call $log (i32.const 2) (i32.const 64) (i32.const 14))
        (call $progress (i64.const 1) (i64.const 1))))
    (call $drop_source (local.get $input))
    (call $drop_sink (local.get $output))
    (i32.const 16))

  ;; The first four bytes of the sample.
  (func (export "bramble:job/partitioner@0.1.2#ranges")
    (param i64 i32 i32 i32 i64 i64) (param $sample i32) (result i32)
    (call $read_at (local.get $sample) (i64.const 0) (i32.const 4) (i32.const 20))
    (call $drop_source (local.get $sample))
    (i32.const 16))

  (func (export "bramble:job/merger@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64) (param $inputs i32) (param $count i32) (param $output i32)
    (result i32) (local $i i32) (local $input i32)
    ;; The list of handles lies where blocks are read to.
    (memory.copy (i32.const 2048) (local.get $inputs)
      (i32.shl (local.get $count) (i32.const 2)))
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $count))
        (then
          (local.set $input (i32.load (i32.add (i32.const 2048)
            (i32.shl (local.get $i) (i32.const 2)))))
          (call $copy (local.get $input) (local.get $output) (i32.const 0))
          (call $drop_source (local.get $input))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (call $drop_sink (local.get $output))
    (i32.const 16))

  ;; Two spans: as long as wanted, and the rest.
  (func (export "bramble:job/planner@0.1.2#split")
    (param $input i32) (param $wanted i64) (result i32)
    (i64.store (i32.const 208) (local.get $wanted))
    (i64.store (i32.const 216) (local.get $wanted))
    (i64.store (i32.const 224) (i64.sub (call $size (local.get $input)) (local.get $wanted)))
    (call $drop_source (local.get $input))
    (i32.store (i32.const 20) (i32.const 200))
    (i32.store (i32.const 24) (i32.const 2))
    (i32.const 16)))
