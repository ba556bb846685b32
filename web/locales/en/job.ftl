job-waits = It waits for its turn.
job-runs = { $done } of { $count } tasks done
job-left = , about { $length } left
job-done = { $tasks } on { $nodes } in { $length }
job-failed = It failed after { $length }
job-canceled = It was stopped after { $length }
what-was-asked = What was asked for
module = Module
input = Input
memory-per-task = Memory of a task
time-per-task = Processor time of a task
argument = Argument
failed-at = { $phase } { $index } failed on { $node } ({ $attempts ->
    [one] { $attempts } attempt
   *[other] { $attempts } attempts
})
bundle = Everything it takes to try this task elsewhere (tar)
saved = { $count ->
    [one] { $count } task was done before
   *[other] { $count } tasks were done before
}: saved { $length } of processor time
why-waits = Why it waits, node by node
retry = Try again what failed
retry-secrets = It has secrets, which only you have. Try it again from a terminal:
figures = In numbers
estimated = estimated
measured = measured
partly-measured = { $share } measured
processor-time = Processor time
result = Result
memory-peak = Most memory of a task
tried-again = Tried again
phase = Phase
phase-ranges = Choosing key ranges
phase-map = Chunk
phase-merge = Merge
phase-reduce = Reduce
who-did-it = Who did it
nobody-yet = Nobody yet.
tasks-done = Tasks done
at-work = At work
log = Log
no-log = Nothing was logged.
log-last = The last { $count } of { $all } attempts that logged something; all of them:
nobody = Nobody had to: it was known.
job-was-done = { $count ->
    [one] Its task was done before
   *[other] All { $count } tasks were done before
}
what-happened = What happened
where-time-went = Where the time went
time-queue = In the queue
time-between = Between phases
what-slots-did = { $count ->
    [one] What the slot did
   *[other] What the { $count } slots did
}
slots-read = Reading
slots-compute = Computing
slots-write = Storing
slots-idle = Nothing to do
stream = What each slot did when
stream-help = Time to the right, a row for each slot. The table below says the same in numbers.
slot-did = { $node }, slot { $slot }: { $count ->
    [one] { $count } attempt
   *[other] { $count } attempts
}, at work { $busy } of the time
rows-left-out = { $count ->
    [one] { $count } more slot is not shown.
   *[other] { $count } more slots are not shown.
}
ink-work = work on a chunk
ink-merge = merge or reduce
ink-transfer = reading and storing
ink-failed = failed
attempts-dropped = { $count ->
    [one] { $count } earlier attempt is not known any more.
   *[other] { $count } earlier attempts are not known any more.
}
attempts-unknown = When each attempt ran is not known any more: the head was started anew since, or has seen many since.
slowest = { $count ->
    [one] The attempt in numbers
   *[other] The { $count } slowest attempts in numbers
}
task = Task
outcome = How it ended
attempts-table = All attempts as a table (CSV)
attempts-trace = As a trace (for chrome://tracing or Perfetto)
chunk-times = A chunk took (shortest · median · longest)
skew = Out of step
skew-hint = Task { $task } took { $times } times as long as the median: smaller chunks would spread the work better.
