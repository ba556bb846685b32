(module
  ;; Seals with a key that it does not have, and looks for that key in its memory.
  (import "bramble:job/io@0.1.2" "[method]source.read" (func $read (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[method]sink.write" (func $write (param i32 i32 i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]source" (func $drop_source (param i32)))
  (import "bramble:job/io@0.1.2" "[resource-drop]sink" (func $drop_sink (param i32)))
  (import "bramble:job/host@0.1.2" "secret" (func $secret (param i32 i32 i32)))
  (import "bramble:crypto/ciphers@0.1.0" "[static]key.from-secret"
    (func $from_secret (param i32 i32 i32)))
  (import "bramble:crypto/ciphers@0.1.0" "[method]key.hkdf-expand"
    (func $hkdf_expand (param i32 i32 i32 i32 i32 i32)))
  (import "bramble:crypto/ciphers@0.1.0" "[method]key.seal"
    (func $seal (param i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32)))
  (import "bramble:crypto/ciphers@0.1.0" "[resource-drop]key" (func $drop_key (param i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 64) "key")
  (data (i32.const 80) "a text to be sealed")
  ;; At 128: a nonce of twelve zeroes.

  (func $alloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $len i32)
    (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get $len)))
    (local.get $at))

  ;; Ends the task if any 16 bytes of memory are the complement of the first 16 of the chunk.
  (func $look (param $chunk i32) (local $at i32)
    (loop $next
      (if (i32.and
            (i64.eq (i64.load (local.get $at))
              (i64.xor (i64.load (local.get $chunk)) (i64.const -1)))
            (i64.eq (i64.load offset=8 (local.get $at))
              (i64.xor (i64.load offset=8 (local.get $chunk)) (i64.const -1))))
        (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at)
        (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 16))))))

  (func $key (result i32)
    (call $from_secret (i32.const 64) (i32.const 3) (i32.const 160))
    (if (i32.load8_u (i32.const 160)) (then unreachable))
    (i32.load (i32.const 164)))

  ;; Writes whether it was given the secret itself, the text as the secret seals it, what is given
  ;; away of a derived key, and the text as that one seals it.
  (func (export "bramble:job/mapper@0.1.2#run")
    (param i64 i32 i32 i32 i64 i64) (param $input i32) (param $output i32) (result i32)
    (local $key i32) (local $chunk i32)
    (call $read (local.get $input) (i32.const 64) (i32.const 32))
    (local.set $chunk (i32.load (i32.const 32)))
    (if (i32.eqz (i32.load (i32.const 36))) (then unreachable))
    ;; A chunk of one byte: as many keys as there may be, and more.
    (if (i32.eq (i32.load (i32.const 36)) (i32.const 1))
      (then (loop $more (drop (call $key)) (br $more))))
    (call $secret (i32.const 64) (i32.const 3) (i32.const 48))
    (call $write (local.get $output) (i32.const 48) (i32.const 1))
    (local.set $key (call $key))
    (call $seal (local.get $key) (i32.const 0)
      (i32.const 100) (i32.const 128) (i32.const 12) (i64.const 0) (i64.const 1)
      (i32.const 64) (i32.const 3) (i32.const 80) (i32.const 19) (i32.const 176))
    (if (i32.load8_u (i32.const 176)) (then unreachable))
    (call $write (local.get $output) (i32.load (i32.const 180)) (i32.load (i32.const 184)))
    (call $hkdf_expand (local.get $key) (i32.const 0) (i32.const 64) (i32.const 3)
      (i32.const 44) (i32.const 192))
    (call $drop_key (local.get $key))
    (if (i32.load8_u (i32.const 192)) (then unreachable))
    (call $write (local.get $output) (i32.load (i32.const 200)) (i32.load (i32.const 204)))
    (local.set $key (i32.load (i32.const 196)))
    (call $seal (local.get $key) (i32.const 1)
      (i32.const 8) (i32.const 128) (i32.const 12) (i64.const 0) (i64.const 1)
      (i32.const 64) (i32.const 3) (i32.const 80) (i32.const 19) (i32.const 176))
    (if (i32.load8_u (i32.const 176)) (then unreachable))
    (call $write (local.get $output) (i32.load (i32.const 180)) (i32.load (i32.const 184)))
    (call $drop_key (local.get $key))
    (call $look (local.get $chunk))
    (call $drop_source (local.get $input))
    (call $drop_sink (local.get $output))
    (i32.const 16)))
