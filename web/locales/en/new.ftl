own-module = Your own program
module-file = A module
module-file-help = A .wasm or .wat file. Drop it here, or choose it.
gallery = Examples
no-examples = There are no examples on this head.
choose = Choose
earlier = Run again
job-name = What the job is called
needs-no-input = It works on no file: it makes its chunks from its parameters.
parameters = Parameters
run = Run
check = Check first
kind = Kind
kind-job = job for bramble
kind-command = command-line program (WASI)
its-phases = What it does
imports = What it wants from the node
imports-fine = nothing that is not allowed
file-is-here = Your file is here.
input-file = A file to work on
use-sample = Use a small sample
use-same-input = Use the same input as before
input-from = Or the result of another job
input-from-help = Its number. This job then waits for it.
drawn = Drawn at random when it is left empty.
more-options = More options
at-most-nodes = On how many nodes at most
nodes-here = { $count ->
    [one] { $count } node is here.
   *[other] { $count } nodes are here.
}
memory-mib = Memory of a task, in MiB
memory-help = Left empty: what suits the smallest node.
seconds-of-task = Processor time of a task, in seconds
seconds-help = Left empty: a minute.
chunk-kib = Size of a chunk, in KiB
chunk-help = Left empty: what suits the input.
arguments = Arguments
arguments-help = One on each line.
faults-found = { $count ->
    [one] One field must be changed:
   *[other] { $count } fields must be changed:
}
fault-number = This must be a whole number above 0, or empty.
fault-missing = This is needed.
fault-no-input = Choose a file, or say what else it is to work on.
prefer-energy = Take little energy, even if it takes longer
verify = The result must be the same bytes on every kind of processor
no-cache = Do everything anew, also what was done before
check-fine = This can run
check-chunks = { $count ->
    [one] { $count } chunk, { $bytes } in all
   *[other] { $count } chunks, { $bytes } in all
}
check-nodes = { $count ->
    [one] { $count } node may work on it
   *[other] { $count } nodes may work on it
}
check-about = About { $length }, if it is like the last ones
check-unknown = How long it takes will be known after the first time.
check-limits = Each task may use { $memory } of memory and { $length } of processor time.
more-examples = More examples
