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
